"""Files are downloaded whole or in part, and nothing in them runs in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.files.file_client import upload, wait_until_processed
from tests.infra.images.samples import png
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

SANDBOX = "default-src 'none'; sandbox"


async def test_a_file_is_downloaded_with_its_name_and_type(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project, b"0123456789", name="Größe.txt")

    response = await user.get(f"/files/{file['id']}/content")

    assert (response.status_code, response.content) == (200, b"0123456789")
    headers = {name: response.headers.get(name) for name in ("content-type", "content-length", "cache-control", "vary")}
    assert headers == {
        "content-type": "text/plain; charset=utf-8",
        "content-length": "10",
        "cache-control": "private, no-cache",
        "vary": "Authorization, Cookie",
    }
    assert (
        response.headers["content-disposition"] == "inline; filename=\"Gr_e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt"
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == SANDBOX


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("page.html", b"<html><script>alert(1)</script></html>", "text/html"),
        ("picture.png", b"<html><script>alert(1)</script></html>", "text/html"),
        ("picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>', "image/svg+xml"),
        ("data.xml", b'<?xml version="1.0"?><a/>', "application/xml"),
        ("script.js", b"alert(1)", "text/plain"),
    ],
)
async def test_what_could_run_is_downloaded_or_shown_as_text_in_a_sandbox(
    user: ApiUser, project: dict[str, Any], name: str, content: bytes, content_type: str
) -> None:
    file = await upload(user, project, content, name=name, content_type="image/png")

    response = await user.get(f"/files/{file['id']}/content")

    kind = response.headers["content-disposition"].partition(";")[0]
    assert (response.headers["content-type"].partition(";")[0], kind) == (
        content_type,
        "inline" if content_type == "text/plain" else "attachment",
    )
    assert response.headers["content-security-policy"] == SANDBOX
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_an_image_that_could_not_be_decoded_is_downloaded(user: ApiUser, project: dict[str, Any]) -> None:
    content = b"GIF89a<script>alert(1)</script>"
    file = await wait_until_processed(user, (await upload(user, project, content, name="x.gif"))["id"])

    response = await user.get(f"/files/{file['id']}/content")

    assert (file["status"], response.content) == ("failed", content)
    assert response.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("requested", "status", "content", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-0,2-3", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_a_part_of_a_file_is_sent(
    user: ApiUser, project: dict[str, Any], requested: str, status: int, content: bytes, content_range: str | None
) -> None:
    file = await upload(user, project, b"0123456789")

    response = await user.get(f"/files/{file['id']}/content", headers={"range": requested})

    assert (response.status_code, response.content, response.headers.get("content-range")) == (
        status,
        content,
        content_range,
    )


async def test_a_range_beyond_the_end_is_refused_with_the_size(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project, b"0123456789")

    response = await user.get(f"/files/{file['id']}/content", headers={"range": "bytes=10-"})

    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */10")
    assert response.json()["error"]["code"] == "RANGE_NOT_SATISFIABLE"


async def test_what_has_not_changed_is_not_sent_again(user: ApiUser, project: dict[str, Any]) -> None:
    image = await wait_until_processed(user, (await upload(user, project, png(9, 9), name="a.png"))["id"])
    for path in (f"/files/{image['id']}/content", f"/files/{image['id']}/thumbnails/100"):
        first = await user.get(path)
        second = await user.get(path, headers={"if-none-match": first.headers["etag"]})

        assert (first.status_code, second.status_code, second.content) == (200, 304, b"")


async def test_the_head_has_the_size_and_no_body(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project, b"0123456789")

    response = await user.request("HEAD", f"/files/{file['id']}/content")

    assert (response.status_code, response.headers["content-length"], response.content) == (200, "10", b"")


async def test_a_browser_saves_a_file_when_asked_to(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)

    saved = await user.get(f"/files/{file['id']}/content?download=true")
    refused = await user.get(f"/files/{file['id']}/content?download=maybe")

    assert saved.headers["content-disposition"].startswith("attachment;")
    assert (refused.status_code, refused.json()["error"]["details"]) == (400, {"download": "must be true or false"})


@pytest.mark.parametrize("size", ["50", "99", "1000", "x", "100.webp"])
async def test_another_size_of_thumbnail_is_not_found(user: ApiUser, project: dict[str, Any], size: str) -> None:
    image = await wait_until_processed(user, (await upload(user, project, png(9, 9), name="a.png"))["id"])

    response = await user.get(f"/files/{image['id']}/thumbnails/{size}")

    assert (response.status_code, response.json()["error"]["message"]) == (404, "Thumbnail not found.")


async def test_a_file_that_is_no_image_has_no_thumbnail(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)

    assert (await user.get(f"/files/{file['id']}/thumbnails/100")).status_code == 404

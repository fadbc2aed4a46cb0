"""Downloads: headers, ranges, conditions, and nothing that a browser runs on our origin."""

from __future__ import annotations

import pytest

from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.http.downloads import is_passive
from tests.domains.storage.clients import StorageClient, wire_error
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * 4096


async def test_headers_describe_the_body(bucket: str, service: StorageClient) -> None:
    await service.put_object(f"{bucket}/a.txt", b"hello", headers={"cache-control": "max-age=60"})

    response = await service.download(f"{bucket}/a.txt")
    head = await service.request("HEAD", f"/object/authenticated/{bucket}/a.txt")

    assert response.content == b"hello"
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["cache-control"] == "max-age=60"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in response.headers
    assert head.content == b""
    volatile = ("date", "x-request-id")
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in response.headers.items() if k not in volatile
    }


@pytest.mark.parametrize("body", [b"0123456789", LARGE], ids=["small", "large"])
async def test_range_is_sent_with_206(bucket: str, service: StorageClient, body: bytes) -> None:
    await service.put_object(f"{bucket}/a", body)

    part = await service.download(f"{bucket}/a", headers={"range": "bytes=2-"})
    outside = await service.download(f"{bucket}/a", headers={"range": f"bytes={len(body)}-"})
    many = await service.download(f"{bucket}/a", headers={"range": "bytes=" + ",".join(["0-1"] * 5000)})

    assert (part.status_code, part.content) == (206, body[2:])
    assert part.headers["content-range"] == f"bytes 2-{len(body) - 1}/{len(body)}"
    assert part.headers["content-length"] == str(len(body) - 2)
    assert wire_error(outside) == (416, "416", "InvalidRange")
    assert outside.headers["content-range"] == f"bytes */{len(body)}"
    assert (many.status_code, many.content) == (200, body)


async def test_unchanged_body_is_not_sent_again(bucket: str, service: StorageClient) -> None:
    await service.put_object(f"{bucket}/a")
    first = await service.download(f"{bucket}/a")
    same = {"if-none-match": first.headers["etag"]}

    unchanged = await service.download(f"{bucket}/a", headers=same)
    since = await service.download(f"{bucket}/a", headers={"if-modified-since": first.headers["last-modified"]})
    await service.put_object(f"{bucket}/a", b"another", method="PUT")
    changed = await service.download(f"{bucket}/a", headers=same)

    assert [(response.status_code, response.content) for response in (unchanged, since)] == [(304, b"")] * 2
    assert unchanged.headers["etag"] == first.headers["etag"]
    assert (changed.status_code, changed.content) == (200, b"another")


@pytest.mark.parametrize(
    ("download", "disposition"),
    [
        ("", "attachment;"),
        ("a.txt", "attachment; filename=a.txt; filename*=UTF-8''a.txt"),
        ("ä b.txt", "attachment; filename=%C3%A4%20b.txt; filename*=UTF-8''%C3%A4%20b.txt"),
        ('"\r\nset-cookie: a=b', None),
    ],
)
async def test_download_has_the_name_that_is_asked_for(
    bucket: str, service: StorageClient, download: str, disposition: str | None
) -> None:
    await service.put_object(f"{bucket}/a")

    response = await service.download(f"{bucket}/a", params={"download": download, "cacheNonce": "1"})

    assert response.status_code == 200
    assert "set-cookie" not in response.headers
    if disposition is not None:
        assert response.headers["content-disposition"] == disposition


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/png", True),
        ("image/svg+xml", False),
        ("IMAGE/SVG+XML; charset=utf-8", False),
        ("text/plain;charset=UTF-8", True),
        ("text/html", False),
        ("application/xhtml+xml", False),
        ("text/xml", False),
        ("application/javascript", False),
        ("application/octet-stream", True),
        ("application/pdf", True),
        ("message/rfc822", False),
    ],
)
def test_what_a_browser_may_run_is_not_passive(content_type: str, expected: bool) -> None:
    assert is_passive(content_type) is expected


async def test_html_and_svg_get_a_sandbox(service: StorageClient, anonymous: StorageClient) -> None:
    bucket = await service.create_bucket(public=True)
    for name in ("text/html", "image/svg+xml"):
        await service.put_object(f"{bucket}/{name}", b"<script>", headers={"content-type": name})

    policies = [
        (await anonymous.get(f"/object/public/{bucket}/{name}")).headers["content-security-policy"]
        for name in ("text/html", "image/svg+xml")
    ]

    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"] * 2


async def test_signed_url_is_private_and_expires(bucket: str, service: StorageClient, anonymous: StorageClient) -> None:
    await service.put_object(f"{bucket}/a b.txt", b"hello")
    url = (await service.post(f"/object/sign/{bucket}/a b.txt", {"expiresIn": "60"})).json()["signedURL"]

    response = await anonymous.get(url)
    without_token = await anonymous.get(f"/object/sign/{bucket}/a b.txt")
    forged = await anonymous.get(url[:-2] + "xx")

    assert response.content == b"hello"
    assert response.headers["cache-control"] == "private"
    assert response.headers["expires"].endswith("GMT")
    assert wire_error(without_token) == (400, "400", "InvalidSignature")
    assert wire_error(forged) == (400, "400", "InvalidJWT")


async def test_missing_bucket_object_and_token_are_told_apart(
    bucket: str, service: StorageClient, anonymous: StorageClient
) -> None:
    outcomes = [
        wire_error(await service.download("nowhere/a")),
        wire_error(await service.download(f"{bucket}/a")),
        wire_error(await anonymous.download(f"{bucket}/a")),
        wire_error(await service.download(f"{bucket}/%0d%0a")),
        wire_error(await StorageClient(anonymous.http, "not-a-token").download(f"{bucket}/a")),
        (await service.request("HEAD", f"/object/{bucket}/a")).status_code,
    ]

    assert outcomes == [
        (400, "404", "NoSuchBucket"),
        (400, "404", "NoSuchKey"),
        (400, "400", "InvalidRequest"),
        (400, "400", "InvalidKey"),
        (400, "403", "AccessDenied"),
        400,
    ]


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
async def test_body_that_is_lost_is_an_error_before_the_head(
    bucket: str, service: StorageClient, storage: StorageServices, owner_sql: OwnerSql, body: bytes
) -> None:
    await service.put_object(f"{bucket}/a", body)
    version = (await owner_sql("select version from storage.objects where bucket_id = $1", bucket))[0][0]
    await storage.store.delete([f"bodies/{version[:6]}/{version}"])

    assert wire_error(await service.download(f"{bucket}/a")) == (400, "404", "NoSuchKey")


async def test_no_cache_answers_another_caller_with_a_private_object(
    bucket: str, service: StorageClient, anonymous: StorageClient
) -> None:
    public = await service.create_bucket(public=True)
    for name in (bucket, public):
        await service.put_object(f"{name}/a.txt", headers={"cache-control": "public, max-age=3600"})

    private = [await service.download(f"{bucket}/a.txt"), await service.get(f"/object/{bucket}/a.txt")]
    shared = await anonymous.get(f"/object/public/{public}/a.txt")

    assert ["Authorization" in response.headers["vary"] for response in private] == [True, True]
    assert "Authorization" not in shared.headers.get("vary", "")

"""The cookie for files: it reads what the session may see, on two routes, and opens nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from monynha.domains.sessions.http.cookies import SessionCookies
from tests.domains.files.file_client import upload
from tests.domains.sessions.conftest import PASSWORD, Browser, MakeBrowser
from tests.protocols.http.test_cookies import request_with
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def project(account: ApiUser) -> dict[str, Any]:
    """Return a project of the user of the browser."""
    return await account.create_project()


@pytest.fixture
async def file(account: ApiUser, project: dict[str, Any]) -> dict[str, Any]:
    """Return a file of the project."""
    return dict(await upload(account, project, b"plain text"))


async def test_a_page_shows_and_downloads_files_of_the_session(
    browser: Browser, account: ApiUser, file: dict[str, Any]
) -> None:
    await browser.sign_in(account)

    inline = await browser.http.get(f"/api/v1/files/{file['id']}/content")
    part = await browser.http.get(f"/api/v1/files/{file['id']}/content?download=true", headers={"range": "bytes=0-4"})
    head = await browser.http.head(f"/api/v1/files/{file['id']}/content")

    assert (inline.status_code, inline.content) == (200, b"plain text")
    assert (part.status_code, part.content) == (206, b"plain")
    assert part.headers["content-disposition"].startswith("attachment;")
    assert (head.status_code, head.content) == (200, b"")
    for response in (inline, part, head):
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["vary"] == "Authorization, Cookie"
        assert response.headers["cache-control"] == "private, no-cache"
        assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "content-encoding" not in response.headers


@pytest.mark.parametrize(("name", "content"), [
    ("page.html", b"<!doctype html><script>fetch('/api/v1/session/refresh')</script>"),
    ("picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    ("data.xml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script/></html>'),
    ("picture.png", b"<!doctype html><script>alert(1)</script>"),
    ("fake.pdf", b"%PDF-1.7\n<script>"),
])  # fmt: skip
async def test_what_a_browser_could_run_is_downloaded_and_sandboxed(
    browser: Browser, account: ApiUser, project: dict[str, Any], name: str, content: bytes
) -> None:
    await browser.sign_in(account)
    hostile = await upload(account, project, content, name=name, content_type="text/html")

    response = await browser.http.get(f"/api/v1/files/{hostile['id']}/content")

    assert response.status_code == 200
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_without_the_cookie_a_file_is_not_sent(browser: Browser, file: dict[str, Any]) -> None:
    assert (await browser.http.get(f"/api/v1/files/{file['id']}/content")).status_code == 401


async def test_files_that_the_session_may_not_see_are_not_found(
    browser: Browser, file: dict[str, Any], users: UserFactory
) -> None:
    await browser.sign_in(await users.sign_up("Eve", PASSWORD))

    for part in ("content", "thumbnails/100"):
        response = await browser.http.get(f"/api/v1/files/{file['id']}/{part}")
        assert response.status_code == 404


async def test_a_system_admin_sees_the_files_of_all_projects(
    browser: Browser, file: dict[str, Any], users: UserFactory, owner_sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    admin = await users.sign_up("Root", PASSWORD)
    await owner_sql('update auth.users set app_metadata = \'{"role": "admin"}\' where id = $1', admin.id)
    await browser.sign_in(admin)

    assert (await browser.http.get(f"/api/v1/files/{file['id']}/content")).content == b"plain text"


async def test_a_removed_member_reads_no_more(
    browser: Browser, account: ApiUser, project: dict[str, Any], file: dict[str, Any], users: UserFactory
) -> None:
    bob = await users.sign_up("Bob", PASSWORD)
    await account.create(f"/projects/{project['id']}/members", {"userId": str(bob.id), "role": "viewer"})
    await browser.sign_in(bob)
    before = await browser.http.get(f"/api/v1/files/{file['id']}/content")
    await account.delete(f"/projects/{project['id']}/members/{bob.id}")

    after = await browser.http.get(f"/api/v1/files/{file['id']}/content")

    assert (before.status_code, after.status_code) == (200, 404)


async def test_the_cookie_ends_with_the_session(
    browser: Browser, account: ApiUser, file: dict[str, Any], make_browser: MakeBrowser
) -> None:
    await browser.sign_in(account)
    copy = make_browser()
    copy.http.cookies = browser.http.cookies
    copied = browser.http.cookies.get("monynha_files")
    await browser.send("DELETE", "/session")
    assert browser.http.cookies.get("monynha_files") is None
    assert copied

    response = await make_browser().http.get(
        f"/api/v1/files/{file['id']}/content", headers={"cookie": f"monynha_files={copied}"}
    )

    assert response.status_code == 401


async def test_a_banned_user_reads_no_more(
    browser: Browser, account: ApiUser, file: dict[str, Any], users: UserFactory
) -> None:
    await browser.sign_in(account)
    await users.ban(account)

    assert (await browser.http.get(f"/api/v1/files/{file['id']}/content")).status_code == 401


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/api/v1/files/{id}"),
    ("DELETE", "/api/v1/files/{id}"),
    ("GET", "/api/v1/users/me"),
    ("GET", "/api/v1/projects/{project}/files"),
    ("POST", "/api/v1/projects/{project}/files"),
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions"),
    ("GET", "/auth/v1/user"),
    ("GET", "/storage/v1/object/authenticated/project-files/{project}/x"),
])  # fmt: skip
async def test_the_cookie_is_accepted_nowhere_else(
    browser: Browser, account: ApiUser, project: dict[str, Any], file: dict[str, Any], method: str, path: str
) -> None:
    await browser.sign_in(account)
    cookie = f"monynha_files={browser.http.cookies.get('monynha_files')}"

    # A browser would not even send it there.
    url = path.format(id=file["id"], project=project["id"])
    response = await browser.http.request(method, url, headers={"cookie": cookie, "x-monynha-request": "1"})

    assert response.status_code in (400, 401)
    assert (await account.get(f"/files/{file['id']}")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_the_cookie_reads_only(browser: Browser, account: ApiUser, file: dict[str, Any], method: str) -> None:
    await browser.sign_in(account)

    response = await browser.http.request(method, f"/api/v1/files/{file['id']}/content")

    assert response.status_code == 405


async def test_the_tokens_of_a_session_do_not_stand_for_each_other(
    browser: Browser, account: ApiUser, file: dict[str, Any], make_browser: MakeBrowser
) -> None:
    session = await browser.sign_in(account)
    files_token = browser.http.cookies.get("monynha_files")
    refresh_token = browser.refresh_token
    other = make_browser()

    for value in (session["accessToken"], refresh_token, "x", "a.b.c"):
        headers = {"cookie": f"monynha_files={value}"}
        response = await other.http.get(f"/api/v1/files/{file['id']}/content", headers=headers)
        assert response.status_code == 401, value
    as_bearer = await other.send("GET", "/users/me", authorization=f"Bearer {files_token}")
    assert as_bearer.status_code == 401
    other.http.cookies.set("monynha_session", files_token or "")
    assert await other.refresh() is None


async def test_a_bearer_token_takes_precedence(browser: Browser, account: ApiUser, file: dict[str, Any]) -> None:
    await browser.sign_in(account)

    response = await browser.http.get(
        f"/api/v1/files/{file['id']}/content", headers={"authorization": "Bearer garbage"}
    )

    assert response.status_code == 401


def test_over_tls_other_hosts_cannot_set_the_cookies() -> None:
    request = request_with()
    secure, plain = SessionCookies(lambda _: True), SessionCookies(lambda _: False)

    assert (secure.session(request).name, secure.session(request).path) == ("__Host-monynha_session", "/")
    assert (secure.files(request).name, secure.files(request).path) == ("__Secure-monynha_files", "/api/v1/files")
    assert secure.session(request).is_secure
    assert secure.files(request).is_secure
    assert plain.session(request).name == "monynha_session"
    assert secure.session(request_with("monynha_session=set-by-a-subdomain")).read(request) is None

"""Request bodies and query strings: malformed, oversized and unsupported ones are rejected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


async def send_body(user: ApiUser, body: bytes, headers: dict[str, str] = JSON, method: str = "POST") -> httpx.Response:
    """Send raw bytes as the body of a new project."""
    request_headers = {"authorization": f"Bearer {user.token}", **headers}
    return await user.client.request(method, "/api/v1/projects", content=body, headers=request_headers)


def nested_body(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """Return a body of this nesting depth."""
    inner = opening * (depth - 2) + closing * (depth - 2)
    return f'{{"name": "x", "settings": {{"a": {inner}}}}}'.encode()


MALFORMED = [
    b"",
    b" ",
    b"{",
    b"}",
    b"{]",
    b'{"name": "x"',
    b'{"name": "x"} x',
    b'{"name": "x"}{}',
    b"{'name': 'x'}",
    b'{name: "x"}',
    b'{"name": "x",}',
    b'{"name": "x" /* y */}',
    b'\xef\xbb\xbf{"name": "x"}',
    b'{"name": "a\nb"}',
    b'{"name": "\\x41"}',
    b'{"name": "\\u12"}',
    b"name=x",
    b"undefined",
    b'{"name": "\xff"}',
    b'{"name": "\xed\xa0\x80"}',
    b'{"name": "\xc0\xaf"}',
    '{"name": "x"}'.encode("utf-16"),
    b'{"name": "x", "name": "x"}',
    b'{"name": "x", "n\\u0061me": "y"}',
    b'{"name": "x", "settings": {"a": 1, "a": 1}}',
    b'{"name": "x", "settings": {"a": [{"b": 1, "b": 2}]}}',
    b'{"name": "\\ud800"}',
    b'{"name": "\\udc00\\ud800"}',
    b'{"name": "x", "settings": {"\\ud800": 1}}',
    b'{"\\ud800": 1, "\\ud800": 2}',
    b'{"name": "x", "settings": {"a": NaN}}',
    b'{"name": "x", "settings": {"a": Infinity}}',
    b'{"name": "x", "settings": {"a": -Infinity}}',
    b'{"name": "x", "settings": {"a": 1e999}}',
    b'{"name": "x", "settings": {"a": -1e999}}',
    b'{"name": "x", "settings": {"a": ' + b"9" * 500 + b"}}",
    b'{"name": "x", "settings": {"a": ' + b"9" * 100_000 + b"}}",
    b'{"name": "x", "settings": {"a": 1' + b"0" * 100_000 + b".5}}",
    b'{"name": "x", "settings": {"a": 01}}',
    b'{"name": "x", "settings": {"a": +1}}',
    b'{"name": "x", "settings": {"a": 1.}}',
    nested_body(33),
    nested_body(33, '{"a":', "}").replace(b'{"a":}', b'{"a":{}}'),
    b'{"name": "x", "settings": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b"[" * 300_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: f"{len(body)} {body[-40:]!r}")
async def test_malformed_body_is_rejected(user: ApiUser, body: bytes) -> None:
    response = await send_body(user, body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert (await user.get("/projects")).json()["data"] == []


@pytest.mark.parametrize(
    "body",
    [nested_body(32), b'{"name": "\\ud83d\\ude80"}', b'  {"name"\t:\r\n"x"} ', b'{"name": "\\u00e9\xc3\xa9"}'],
)
async def test_body_within_the_limits_is_read(user: ApiUser, body: bytes) -> None:
    response = await send_body(user, body)

    assert response.status_code == 201
    assert json.loads(body)["name"] == response.json()["data"]["name"]


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"7", b"true", b'[{"name": "x"}]'])
async def test_json_that_is_not_an_object_is_invalid(user: ApiUser, body: bytes) -> None:
    response = await send_body(user, body)

    assert (response.status_code, response.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "json",
        "*/*",
    ],
)
@pytest.mark.parametrize("method", ["POST"])
async def test_other_media_types_are_rejected(user: ApiUser, media_type: str | None, method: str) -> None:
    response = await send_body(
        user, b'{"name": "x"}', {} if media_type is None else {"content-type": media_type}, method
    )

    assert (response.status_code, response.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(("coding", "expected"), [("gzip", 415), ("identity, br", 415), ("Identity", 201)])
async def test_encoded_body_is_rejected(user: ApiUser, coding: str, expected: int) -> None:
    response = await user.post("/posts", {"title": "x", "content": "y"}, headers={"content-encoding": coding})

    assert response.status_code == expected


@pytest.mark.parametrize("path", ["/posts", "/users"])
async def test_number_of_reported_problems_is_limited(user: ApiUser, path: str) -> None:
    response = await user.post(path, {f"unknown{number}": 1 for number in range(50_000)})

    assert response.status_code == 422
    assert len(response.json()["error"]["details"]) == 50
    assert len(response.content) < 5_000


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/merge-patch+json",
    ],
)
async def test_json_media_types_are_accepted(user: ApiUser, media_type: str) -> None:
    assert (await send_body(user, b'{"name": "x"}', {"content-type": media_type})).status_code == 201


def body_of_size(size: int) -> bytes:
    """Return a body of this size in bytes."""
    return b'{"name": "x", "description": null' + b" " * (size - 34) + b"}"


@pytest.mark.parametrize(("size", "expected"), [(1_000_000, 201), (1_000_001, 413), (5_000_000, 413)])
async def test_body_size_is_limited(user: ApiUser, size: int, expected: int) -> None:
    body = body_of_size(size)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield body[start : start + 65_536]

    sized = await send_body(user, body)
    request_headers = {"authorization": f"Bearer {user.token}", **JSON}
    chunked = await user.client.post("/api/v1/projects", content=chunks(), headers=request_headers)

    assert len(body) == size
    assert (sized.status_code, chunked.status_code) == (expected, expected)
    if expected == 413:
        codes = {response.json()["error"]["code"] for response in (sized, chunked)}
        assert codes == {"PAYLOAD_TOO_LARGE"}


async def test_update_checks_its_body_the_same_way(user: ApiUser) -> None:
    project = await user.create_project()
    path = f"/api/v1/projects/{project['id']}"
    auth_headers = {"authorization": f"Bearer {user.token}"}

    for method in ("PUT", "PATCH"):
        for body, media_type, expected in (
            (b"{", "application/json", 400),
            (b'{"name": "a", "name": "b"}', "application/json", 400),
            (body_of_size(1_000_001), "application/json", 413),
            (b"{}", "text/plain", 415),
            (b"[]", "application/json", 422),
        ):
            headers = {**auth_headers, "content-type": media_type}
            response = await user.client.request(method, path, content=body, headers=headers)
            assert response.status_code == expected
    assert (await user.get(f"/projects/{project['id']}")).json()["data"] == project


@pytest.mark.parametrize("content_length", ["x", "-1", "1e9", "²", ""])
async def test_invalid_content_length_is_not_a_server_error(user: ApiUser, content_length: str) -> None:
    request_headers = {**JSON, "content-length": content_length.encode("latin-1")}

    response = await send_body(user, b'{"name": "x"}', request_headers)  # type: ignore[arg-type]  # httpx takes bytes too

    assert response.status_code < 500


async def test_ended_session_is_reported_before_any_other_error(users: UserFactory) -> None:
    user = await users.create()
    await users.end_session(user)

    for response in (
        await send_body(user, b"{"),
        await send_body(user, body_of_size(1_000_001)),
        await send_body(user, b"x", {"content-type": "text/plain"}),
        await user.post("/projects", {}),
        await user.post("/projects?unknown=1", {"name": "x"}),
        await user.post("/projects?include=unknown", {"name": "x"}),
        await user.post("/projects", {"name": "x"}, headers={"Idempotency-Key": ""}),
        await user.post("/projects/no-uuid/tasks", {"title": "x"}),
        await user.get("/projects?limit=0"),
        await user.get("/projects?cursor=x"),
        await user.get("/projects/no-uuid"),
        await user.get("/projects/no-uuid/tasks"),
        await user.get("/projects", headers={"Accept": "text/html"}),
        await user.put("/users/me", {"id": "x"}),
        await user.put("/users/me", {"email": "x"}),
        await user.put("/users/me", {"name": "x"}, headers={"If-Match": "junk"}),
        await user.put("/tasks/no-uuid", {"title": "x"}),
        await user.delete("/users/me?cascade=maybe"),
        await user.delete("/tasks/no-uuid"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
        assert response.headers["www-authenticate"] == "Bearer"

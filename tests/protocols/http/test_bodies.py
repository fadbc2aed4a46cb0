"""Bodies that cannot be read: 400, 413 or 415 in the envelope, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


async def send(
    person: Person, body: bytes, headers: dict[str, str] = JSON, method: str = "POST"
) -> httpx.Response:
    """Send a body as it is to where projects are made."""
    given = {"authorization": f"Bearer {person.token}", **headers}
    return await person.client.request(method, "/api/v1/projects", content=body, headers=given)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """Return a body whose settings are nested that deep in all."""
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
    nested(33),
    nested(33, '{"a":', "}").replace(b'{"a":}', b'{"a":{}}'),
    b'{"name": "x", "settings": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b"[" * 300_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: f"{len(body)} {body[-40:]!r}")
async def test_a_malformed_body_is_refused(ada: Person, body: bytes) -> None:
    answer = await send(ada, body)

    assert (400, "BAD_REQUEST") == (answer.status_code, answer.json()["error"]["code"])
    assert [] == (await ada.get("/projects")).json()["data"]


@pytest.mark.parametrize(
    "body",
    [nested(32), b'{"name": "\\ud83d\\ude80"}', b'  {"name"\t:\r\n"x"} ', b'{"name": "\\u00e9\xc3\xa9"}'],
)
async def test_a_body_within_the_bounds_is_read(ada: Person, body: bytes) -> None:
    answer = await send(ada, body)

    assert 201 == answer.status_code
    assert json.loads(body)["name"] == answer.json()["data"]["name"]


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"7", b"true", b'[{"name": "x"}]'])
async def test_json_that_is_no_object_is_not_valid(ada: Person, body: bytes) -> None:
    answer = await send(ada, body)

    assert (422, "VALIDATION_ERROR") == (answer.status_code, answer.json()["error"]["code"])


@pytest.mark.parametrize(
    "kind",
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
async def test_another_media_type_is_refused(ada: Person, kind: str | None, method: str) -> None:
    answer = await send(ada, b'{"name": "x"}', {} if kind is None else {"content-type": kind}, method)

    assert (415, "UNSUPPORTED_MEDIA_TYPE") == (answer.status_code, answer.json()["error"]["code"])


@pytest.mark.parametrize(("coding", "expected"), [("gzip", 415), ("identity, br", 415), ("Identity", 201)])
async def test_a_coded_body_is_not_read(ada: Person, coding: str, expected: int) -> None:
    answer = await ada.post("/posts", {"title": "x", "content": "y"}, headers={"content-encoding": coding})

    assert expected == answer.status_code


@pytest.mark.parametrize("path", ["/posts", "/users"])
async def test_a_flood_of_problems_is_not_answered_by_a_larger_one(ada: Person, path: str) -> None:
    answer = await ada.post(path, {f"unknown{number}": 1 for number in range(50_000)})

    assert 422 == answer.status_code
    assert 50 == len(answer.json()["error"]["details"])
    assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/merge-patch+json",
    ],
)
async def test_json_has_several_names(ada: Person, kind: str) -> None:
    assert 201 == (await send(ada, b'{"name": "x"}', {"content-type": kind})).status_code


def sized(size: int) -> bytes:
    """Return a body of so many bytes."""
    return b'{"name": "x", "description": null' + b" " * (size - 34) + b"}"


@pytest.mark.parametrize(("size", "expected"), [(1_000_000, 201), (1_000_001, 413), (5_000_000, 413)])
async def test_a_body_has_a_size(ada: Person, size: int, expected: int) -> None:
    body = sized(size)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield body[start : start + 65_536]

    declared = await send(ada, body)
    given = {"authorization": f"Bearer {ada.token}", **JSON}
    chunked = await ada.client.post("/api/v1/projects", content=chunks(), headers=given)

    assert size == len(body)
    assert (expected, expected) == (declared.status_code, chunked.status_code)
    if expected == 413:
        assert "PAYLOAD_TOO_LARGE" == declared.json()["error"]["code"] == chunked.json()["error"]["code"]


async def test_a_change_reads_its_body_the_same_way(ada: Person) -> None:
    project = await ada.project()
    path = f"/api/v1/projects/{project['id']}"
    given = {"authorization": f"Bearer {ada.token}"}

    for method in ("PUT", "PATCH"):
        for body, kind, expected in (
            (b"{", "application/json", 400),
            (b'{"name": "a", "name": "b"}', "application/json", 400),
            (sized(1_000_001), "application/json", 413),
            (b"{}", "text/plain", 415),
            (b"[]", "application/json", 422),
        ):
            headers = {**given, "content-type": kind}
            answer = await ada.client.request(method, path, content=body, headers=headers)
            assert expected == answer.status_code
    assert project == (await ada.get(f"/projects/{project['id']}")).json()["data"]


@pytest.mark.parametrize("content_length", ["x", "-1", "1e9", "²", ""])
async def test_an_odd_declared_size_is_no_fault_of_ours(ada: Person, content_length: str) -> None:
    sent = {**JSON, "content-length": content_length.encode("latin-1")}

    answer = await send(ada, b'{"name": "x"}', sent)  # type: ignore[arg-type]

    assert answer.status_code < 500


async def test_whose_session_is_over_hears_no_more_than_that(people: People) -> None:
    ada = await people.new("Ada")
    await people.end_session(ada)

    for answer in (
        await send(ada, b"{"),
        await send(ada, sized(1_000_001)),
        await send(ada, b"x", {"content-type": "text/plain"}),
        await ada.post("/projects", {}),
        await ada.post("/projects?unknown=1", {"name": "x"}),
        await ada.post("/projects?include=unknown", {"name": "x"}),
        await ada.post("/projects", {"name": "x"}, headers={"Idempotency-Key": ""}),
        await ada.post("/projects/no-uuid/tasks", {"title": "x"}),
        await ada.get("/projects?limit=0"),
        await ada.get("/projects?cursor=x"),
        await ada.get("/projects/no-uuid"),
        await ada.get("/projects/no-uuid/tasks"),
        await ada.get("/projects", headers={"Accept": "text/html"}),
        await ada.put("/users/me", {"id": "x"}),
        await ada.put("/users/me", {"email": "x"}),
        await ada.put("/users/me", {"name": "x"}, headers={"If-Match": "junk"}),
        await ada.put("/tasks/no-uuid", {"title": "x"}),
        await ada.delete("/users/me?cascade=maybe"),
        await ada.delete("/tasks/no-uuid"),
    ):
        assert (401, "UNAUTHENTICATED") == (answer.status_code, answer.json()["error"]["code"])
        assert "Bearer" == answer.headers["www-authenticate"]

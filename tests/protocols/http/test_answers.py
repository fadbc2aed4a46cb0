"""What every answer of the API carries, and the errors that need no body: 404, 405, 406, CORS."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio

ABSENT = "00000000-0000-4000-8000-000000000000"


NO_IDS = ["x", "1", "null", "me%20", ABSENT[:-1], ABSENT + "0", ABSENT.replace("-", ""), f"{{{ABSENT}}}"]
ODD_IDS = ["%00", "%FF", "'", "%2e%2e", "%ED%A0%80", "٣"]


@pytest.mark.parametrize("id", [*NO_IDS, *ODD_IDS])
async def test_an_id_that_is_no_uuid_is_not_found(ada: Person, id: str) -> None:
    for method, path, body in (
        ("GET", f"/users/{id}", None),
        ("GET", f"/users/{id}/posts", None),
        ("GET", f"/projects/{id}/tasks", None),
        ("POST", f"/projects/{id}/tasks", {"title": "x"}),
        ("GET", f"/projects/{id}/members/{ABSENT}", None),
        ("GET", f"/projects/{ABSENT}/members/{id}", None),
        ("PUT", f"/tasks/{id}", {"title": "x"}),
        ("DELETE", f"/posts/{id}", None),
    ):
        answer = await ada.ask(method, path, json=body)
        assert (404, "NOT_FOUND") == (answer.status_code, answer.json()["error"]["code"]), path


async def test_an_id_may_be_in_capitals(ada: Person) -> None:
    project = await ada.project()

    answer = await ada.get(f"/projects/{project['id'].upper()}")

    assert project == answer.json()["data"]


BELOW = "/nothing /users/ //users /users/me/ /Users /members /users/me/projects /users/me/posts/x"


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v2/users", "/users", *(f"/api/v1{path}" for path in ["/", *BELOW.split()])]
)
async def test_an_unknown_address_is_not_found(ada: Person, path: str) -> None:
    answer = await ada.client.get(path, headers={"authorization": f"Bearer {ada.token}"})

    assert 404 == answer.status_code
    if path.startswith("/api/v1/"):
        assert "NOT_FOUND" == answer.json()["error"]["code"]


METHODS = [
    ("/users", "GET, HEAD, OPTIONS, POST"),
    ("/users/me", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("/users/me/posts", "GET, HEAD, OPTIONS"),
    ("/posts", "GET, HEAD, OPTIONS, POST"),
    ("/posts/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("/projects/x/tasks", "GET, HEAD, OPTIONS, POST"),
    ("/projects/x/members", "GET, HEAD, OPTIONS, POST"),
    ("/projects/x/members/me", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("/tasks", "GET, HEAD, OPTIONS"),
    ("/tasks/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
]


@pytest.mark.parametrize(("path", "allowed"), METHODS)
async def test_another_method_is_told_which_there_are(ada: Person, path: str, allowed: str) -> None:
    known = allowed.split(", ")

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        if method not in known:
            answer = await ada.ask(method, path)
            assert (405, allowed) == (answer.status_code, answer.headers["allow"])
            assert "METHOD_NOT_ALLOWED" == answer.json()["error"]["code"]
    options = await ada.ask("OPTIONS", path)
    assert (204, allowed, b"") == (options.status_code, options.headers["allow"], options.content)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/xhtml+xml, */*;q=0.8", 200),
        ("application/json;q=0.001", 200),
        ("APPLICATION/JSON", 200),
        ("application/json;charset=utf-8", 200),
        ("", 200),
        ("text/html", 406),
        ("text/html, image/*", 406),
        ("application/xml", 406),
        ("application/json;q=0", 406),
        ("application/json; q=0.0, */*", 406),
        ("*/*;q=0", 406),
        ("application/*;q=0, */*", 406),
        ("application/json, application/*;q=0", 200),
        ("junk", 406),
    ],
)
async def test_who_takes_no_json_is_told_so(ada: Person, accept: str, expected: int) -> None:
    project = await ada.project()
    headers = {"Accept": accept}
    path = f"/projects/{project['id']}"

    answers = [
        await ada.get("/projects", headers=headers),
        await ada.get(path, headers=headers),
        await ada.put(path, {"name": "Changed"}, headers=headers),
    ]

    assert {expected} == {answer.status_code for answer in answers}
    if expected == 406:
        assert {"NOT_ACCEPTABLE"} == {answer.json()["error"]["code"] for answer in answers}
        assert project == (await ada.get(path)).json()["data"]


async def test_every_answer_carries_the_id_of_its_request(ada: Person, people: People) -> None:
    project = await ada.project()
    path = f"/projects/{project['id']}"
    tag = (await ada.get(path)).headers["etag"]
    answers = [
        await ada.get(path),
        await ada.get(path, headers={"If-None-Match": tag}),
        await ada.ask("HEAD", path),
        await ada.ask("OPTIONS", path),
        await ada.post("/projects", {"name": "x"}),
        await ada.post("/projects", {}),
        await ada.get("/projects?limit=0"),
        await ada.get("/nothing"),
        await ada.ask("TRACE", path),
        await people.nobody().get(path),
        await ada.put(path, {"name": "x"}, headers={"If-Match": '"7-x"'}),
        await ada.delete(path),
        await ada.client.get("/healthz"),
        await ada.client.get("/readyz"),
    ]

    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(answers) == len(set(ids))
    assert [200, 304, 200, 204, 201, 422, 400, 404, 405, 401, 412, 204, 200, 200] == [
        answer.status_code for answer in answers
    ]
    for answer in answers:
        if answer.status_code >= 400:
            assert answer.headers["x-request-id"] == answer.json()["error"]["requestId"]


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        ("a-Request_1.2", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ("<x>", False),
        ("ü", False),
    ],
)
async def test_the_id_of_a_request_may_be_given(ada: Person, sent: str, is_kept: bool) -> None:
    headers: dict[str, Any] = {"X-Request-Id": sent.encode("latin-1")}

    answer = await ada.get("/nothing", headers=headers)

    assert is_kept == (sent == answer.headers["x-request-id"])


async def test_head_is_get_without_a_body(ada: Person) -> None:
    project = await ada.project()
    for path in ("/projects", f"/projects/{project['id']}", "/users/me", "/projects/x", "/projects?limit=0"):
        got, head = await ada.get(path), await ada.ask("HEAD", path)

        assert got.status_code == head.status_code
        assert b"" == head.content
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert got.headers.get(name) == head.headers.get(name), name


async def test_a_delete_answers_nothing(ada: Person) -> None:
    project = await ada.project()

    answer = await ada.delete(f"/projects/{project['id']}")

    assert (204, b"") == (answer.status_code, answer.content)
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


async def test_a_create_tells_where_it_is(ada: Person, people: People) -> None:
    project = await ada.project()
    grace = await people.new("Grace")
    for path, body in (
        ("/projects", {"name": "x"}),
        ("/posts", {"title": "x", "content": ""}),
        (f"/projects/{project['id']}/tasks", {"title": "x"}),
        (f"/projects/{project['id']}/members", {"userId": str(grace.id)}),
    ):
        answer = await ada.post(path, body)
        found = await ada.client.get(
            answer.headers["location"], headers={"authorization": f"Bearer {ada.token}"}
        )
        assert 201 == answer.status_code
        assert answer.json() == found.json()


async def test_answers_are_json_in_the_envelope(ada: Person) -> None:
    one, many, error = await ada.get("/users/me"), await ada.get("/projects"), await ada.get("/nothing")

    assert {"success", "data"} == one.json().keys()
    assert {"success", "data", "meta"} == many.json().keys()
    assert {"success", "error"} == error.json().keys()
    assert [True, True, False] == [answer.json()["success"] for answer in (one, many, error)]
    assert {"application/json"} == {answer.headers["content-type"] for answer in (one, many, error)}


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("https://localhost", True),
        ("https://example.com", False),
        ("http://localhost.example.com", False),
        ("http://localhost:3000.example.com", False),
        ("null", False),
    ],
)
async def test_browsers_on_other_origins(client: httpx.AsyncClient, origin: str, is_allowed: bool) -> None:
    asking = {"origin": origin, "access-control-request-method": "PUT"}

    preflight = await client.options("/api/v1/users/me", headers=asking)
    answer = await client.get("/api/v1/users/me", headers={"origin": origin})

    expected = origin if is_allowed else None
    assert expected == preflight.headers.get("access-control-allow-origin")
    assert expected == answer.headers.get("access-control-allow-origin")
    assert "Origin" in answer.headers["vary"]
    assert 401 == answer.status_code
    if is_allowed:
        for name in (
            "authorization",
            "if-match",
            "idempotency-key",
            "content-type",
            "apikey",
            "x-client-info",
        ):
            assert name in re.split(", ?", preflight.headers["access-control-allow-headers"])
        assert "etag" in preflight.headers.get("access-control-expose-headers", "") + answer.headers.get(
            "access-control-expose-headers", ""
        )
        assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers

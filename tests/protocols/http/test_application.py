"""Every response: envelope, request id, HEAD, 404, 405 and 406."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


MALFORMED_IDS = [
    "x",
    "1",
    "null",
    "me%20",
    UNKNOWN_ID[:-1],
    UNKNOWN_ID + "0",
    UNKNOWN_ID.replace("-", ""),
    f"{{{UNKNOWN_ID}}}",
]
UNDECODABLE_IDS = ["%00", "%FF", "'", "%2e%2e", "%ED%A0%80", "٣"]


async def test_no_response_may_be_taken_for_another_content_type(user: ApiUser) -> None:
    responses = [
        await user.get("/users/me"),
        await user.get("/nothing"),
        await user.delete(f"/posts/{UNKNOWN_ID}"),
        await user.client.get("/auth/v1/settings"),
        await user.client.get("/"),
    ]

    assert [response.headers.get_list("x-content-type-options") for response in responses] == [["nosniff"]] * 5
    assert [response for response in responses if "strict-transport-security" in response.headers] == []


@pytest.mark.parametrize("id", [*MALFORMED_IDS, *UNDECODABLE_IDS])
async def test_malformed_id_is_not_found(user: ApiUser, id: str) -> None:
    for method, path, body in (
        ("GET", f"/users/{id}", None),
        ("GET", f"/users/{id}/posts", None),
        ("GET", f"/projects/{id}/tasks", None),
        ("POST", f"/projects/{id}/tasks", {"title": "x"}),
        ("GET", f"/projects/{id}/members/{UNKNOWN_ID}", None),
        ("GET", f"/projects/{UNKNOWN_ID}/members/{id}", None),
        ("PUT", f"/tasks/{id}", {"title": "x"}),
        ("DELETE", f"/posts/{id}", None),
    ):
        response = await user.request(method, path, json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND"), path


async def test_id_is_case_insensitive(user: ApiUser) -> None:
    project = await user.create_project()

    response = await user.get(f"/projects/{project['id'].upper()}")

    assert response.json()["data"] == project


UNKNOWN_PATHS = "/nothing /users/ //users /users/me/ /Users /members /users/me/projects /users/me/posts/x"


@pytest.mark.parametrize(
    "path",
    ["/api/v1", "/api/v2/users", "/users", *(f"/api/v1{path}" for path in ["/", *UNKNOWN_PATHS.split()])],
)
async def test_unknown_path_is_not_found(user: ApiUser, path: str) -> None:
    response = await user.client.get(path, headers={"authorization": f"Bearer {user.token}"})

    assert response.status_code == 404
    if path.startswith("/api/v1/"):
        assert response.json()["error"]["code"] == "NOT_FOUND"


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
async def test_unsupported_method_lists_the_allowed_ones(user: ApiUser, path: str, allowed: str) -> None:
    allowed_methods = allowed.split(", ")

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        if method not in allowed_methods:
            response = await user.request(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, allowed)
            assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    options = await user.request("OPTIONS", path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")


async def test_every_response_has_its_request_id(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    path = f"/projects/{project['id']}"
    etag = (await user.get(path)).headers["etag"]
    responses = [
        await user.get(path),
        await user.get(path, headers={"If-None-Match": etag}),
        await user.request("HEAD", path),
        await user.request("OPTIONS", path),
        await user.post("/projects", {"name": "x"}),
        await user.post("/projects", {}),
        await user.get("/projects?limit=0"),
        await user.get("/nothing"),
        await user.request("TRACE", path),
        await users.anonymous().get(path),
        await user.put(path, {"name": "x"}, headers={"If-Match": '"7-x"'}),
        await user.delete(path),
        await user.client.get("/healthz"),
        await user.client.get("/readyz"),
    ]

    ids = [response.headers["x-request-id"] for response in responses]
    assert len(responses) == len(set(ids))
    assert [response.status_code for response in responses] == [
        200,
        304,
        200,
        204,
        201,
        422,
        400,
        404,
        405,
        401,
        412,
        204,
        200,
        200,
    ]
    for response in responses:
        if response.status_code >= 400:
            assert response.headers["x-request-id"] == response.json()["error"]["requestId"]


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
async def test_client_can_choose_the_request_id(user: ApiUser, sent: str, is_kept: bool) -> None:
    headers: dict[str, Any] = {"X-Request-Id": sent.encode("latin-1")}

    response = await user.get("/nothing", headers=headers)

    assert is_kept == (response.headers["x-request-id"] == sent)


async def test_head_is_get_without_a_body(user: ApiUser) -> None:
    project = await user.create_project()
    for path in ("/projects", f"/projects/{project['id']}", "/users/me", "/projects/x", "/projects?limit=0"):
        get, head = await user.get(path), await user.request("HEAD", path)

        assert head.status_code == get.status_code
        assert head.content == b""
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == get.headers.get(name), name


async def test_delete_has_no_response_body(user: ApiUser) -> None:
    project = await user.create_project()

    response = await user.delete(f"/projects/{project['id']}")

    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert "content-length" not in response.headers


async def test_create_returns_the_location(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    member = await users.create("Member")
    for path, body in (
        ("/projects", {"name": "x"}),
        ("/posts", {"title": "x", "content": ""}),
        (f"/projects/{project['id']}/tasks", {"title": "x"}),
        (f"/projects/{project['id']}/members", {"userId": str(member.id)}),
    ):
        response = await user.post(path, body)
        fetched = await user.client.get(response.headers["location"], headers={"authorization": f"Bearer {user.token}"})
        assert response.status_code == 201
        assert response.json() == fetched.json()


async def test_responses_are_json_in_the_envelope(user: ApiUser) -> None:
    item_response, page_response, error_response = (
        await user.get("/users/me"),
        await user.get("/projects"),
        await user.get("/nothing"),
    )

    assert item_response.json().keys() == {"success", "data"}
    assert page_response.json().keys() == {"success", "data", "meta"}
    assert error_response.json().keys() == {"success", "error"}
    assert [response.json()["success"] for response in (item_response, page_response, error_response)] == [
        True,
        True,
        False,
    ]
    assert {response.headers["content-type"] for response in (item_response, page_response, error_response)} == {
        "application/json"
    }

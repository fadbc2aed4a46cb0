"""GraphQL over HTTP: statuses, cross-site requests, batches and authentication."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.protocols.graphql.requests import GRAPHQL, execute, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "older", "newer"),
    [
        ({"query": "{"}, 200, 400),
        ({"query": "{ nothing }"}, 200, 400),
        ({"query": "query($id: ID!) { user(id: $id) { id } }"}, 200, 400),
        ({"query": "{ __typename }", "operationName": "Other"}, 200, 400),
        ({"query": "{ users { id } }"}, 200, 200),
        ({}, 400, 400),
        ({"query": 1}, 400, 400),
        ({"query": "{ __typename }", "variables": []}, 400, 400),
        ({"query": "{ __typename }", "extensions": "x"}, 400, 400),
        ("text", 400, 400),
        ([], 400, 400),
    ],
)
async def test_status_tells_whether_the_request_was_executed(user: ApiUser, body: Any, older: int, newer: int) -> None:
    headers = {"authorization": f"Bearer {user.token}"}

    statuses = [
        (await user.client.post("/graphql", json=body, headers={**headers, "accept": accept})).status_code
        for accept in (JSON, GRAPHQL)
    ]

    assert statuses == [older, newer]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_forms_of_other_sites_are_rejected(user: ApiUser, content_type: str) -> None:
    response = await user.client.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"content-type": content_type}
    )

    assert response.status_code == 415


async def test_get_needs_a_header_that_forces_a_preflight(client: httpx.AsyncClient, user: ApiUser) -> None:
    params = {"query": "query($n: String!) { __type(name: $n) { name } }", "variables": '{"n": "User"}'}

    bare = await client.get("/graphql", params=params)
    marked = await client.get("/graphql", params=params, headers={"graphql-require-preflight": "1"})
    signed_in = await client.get("/graphql", params=params, headers={"authorization": f"Bearer {user.token}"})

    assert [response.status_code for response in (bare, marked, signed_in)] == [400, 200, 200]
    assert marked.json() == signed_in.json() == {"data": {"__type": {"name": "User"}}}


async def test_get_cannot_run_mutations(user: ApiUser) -> None:
    params = {"query": 'mutation { createProject(input: {name: "By GET"}) { id } }'}

    response = await user.client.get("/graphql", params=params, headers={"authorization": f"Bearer {user.token}"})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await projects(user) == []


async def projects(user: ApiUser) -> list[str]:
    return [project["name"] for project in (await fetch_data(user, "{ projects { name } }"))["projects"]]


async def test_batch_is_executed_in_order(user: ApiUser) -> None:
    headers = {"authorization": f"Bearer {user.token}"}
    batch = [
        {"query": 'mutation { createProject(input: {name: "First"}) { name } }'},
        {"query": "{ nothing }"},
        {"query": "query($n: Int) { projects(limit: $n) { name } }", "variables": {"n": 1}},
    ]

    response = await user.client.post("/graphql", json=batch, headers=headers)
    too_many = await user.client.post("/graphql", json=[batch[1]] * 11, headers=headers)

    first, second, third = response.json()
    assert response.status_code == 200
    assert first == {"data": {"createProject": {"name": "First"}}}
    assert second["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert third == {"data": {"projects": [{"name": "First"}]}}
    assert too_many.status_code == 400
    assert "1 to 10" in too_many.json()["errors"][0]["message"]


async def test_invalid_token_is_401_for_any_document(users: UserFactory, user: ApiUser) -> None:
    await users.end_session(user)
    queries = [
        "{ __typename }",
        "{ projects { id } }",
        "{ nothing }",
        "mutation { deletePost(id: 1) }",
        'mutation { createProject(input: {name: "P"}) { id } }',
        'mutation { createProject(input: {name: " "}) { id } }',
    ]

    ended = [await execute(user, query) for query in queries]
    forged = await users.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer forged"}
    )

    assert [response.status_code for response in (*ended, forged)] == [401] * 7
    assert {response.json()["errors"][0]["extensions"]["code"] for response in (*ended, forged)} == {"UNAUTHENTICATED"}
    assert forged.headers["www-authenticate"] == "Bearer"


async def test_anonymous_caller_gets_only_what_needs_no_sign_in(users: UserFactory) -> None:
    anonymous = users.anonymous()

    named = (await execute(anonymous, '{ __typename __type(name: "Task") { name } }')).json()
    mixed = await execute(anonymous, "{ kind: __typename task(id: 1) { id } }", headers={"accept": GRAPHQL})
    list_body = (await execute(anonymous, "{ __typename projects { id } }")).json()
    changed = await execute(anonymous, "mutation { __typename deletePost(id: 1) }")

    assert named == {"data": {"__typename": "Query", "__type": {"name": "Task"}}}
    assert mixed.status_code == changed.status_code == 200
    assert mixed.json()["data"] == {"kind": "Query", "task": None}
    assert list_body["data"] is changed.json()["data"] is None
    for body, path in ((mixed.json(), "task"), (list_body, "projects"), (changed.json(), "deletePost")):
        assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]
        assert [error["path"] for error in body["errors"]] == [[path]]

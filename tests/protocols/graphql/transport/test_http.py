"""GraphQL over HTTP: media types, statuses, what other sites cannot send, batches, persisted queries."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from tests.protocols.graphql.requests import GRAPHQL, execute, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.9", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_is_liked_best(
    user: ApiUser, accept: str | None, media_type: str
) -> None:
    response = await execute(user, "{ __typename }", headers={"accept": accept or ""})

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_what_takes_neither_media_type_is_told_so(user: ApiUser) -> None:
    response = await execute(user, "{ __typename }", headers={"accept": "text/plain"})

    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


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
async def test_the_status_says_whether_something_was_executed(user: ApiUser, body: Any, older: int, newer: int) -> None:
    headers = {"authorization": f"Bearer {user.token}"}

    statuses = [
        (await user.client.post("/graphql", json=body, headers={**headers, "accept": accept})).status_code
        for accept in (JSON, GRAPHQL)
    ]

    assert statuses == [older, newer]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_a_form_of_another_site_sends_nothing(user: ApiUser, content_type: str) -> None:
    response = await user.client.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"content-type": content_type}
    )

    assert response.status_code == 415


async def test_a_get_needs_a_header_that_forms_cannot_send(client: httpx.AsyncClient, user: ApiUser) -> None:
    params = {"query": "query($n: String!) { __type(name: $n) { name } }", "variables": '{"n": "User"}'}

    bare = await client.get("/graphql", params=params)
    marked = await client.get("/graphql", params=params, headers={"graphql-require-preflight": "1"})
    signed_in = await client.get("/graphql", params=params, headers={"authorization": f"Bearer {user.token}"})

    assert [one.status_code for one in (bare, marked, signed_in)] == [400, 200, 200]
    assert {"data": {"__type": {"name": "User"}}} == marked.json() == signed_in.json()


async def test_a_get_changes_nothing(user: ApiUser) -> None:
    params = {"query": 'mutation { createProject(input: {name: "By GET"}) { id } }'}

    response = await user.client.get("/graphql", params=params, headers={"authorization": f"Bearer {user.token}"})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await projects(user) == []


async def projects(person: ApiUser) -> list[str]:
    return [one["name"] for one in (await fetch_data(person, "{ projects { name } }"))["projects"]]


async def test_a_batch_is_answered_in_its_order(user: ApiUser) -> None:
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


async def test_a_persisted_query_is_sent_once(user: ApiUser) -> None:
    query = f"{{ __typename projects {{ name id }} }} # {user.id}"
    headers = {"authorization": f"Bearer {user.token}"}
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}

    async def send(**body: object) -> Any:
        response = await user.client.post(
            "/graphql", json={"extensions": extensions, **body}, headers={**headers, "accept": GRAPHQL}
        )
        return response.status_code, response.json()

    unknown_status, unknown = await send()
    sent = await send(query=query)
    by_hash = await send()
    other_status, other = await send(query="{ __typename }")

    assert (400, "PersistedQueryNotFound") == (unknown_status, unknown["errors"][0]["message"])
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert (200, {"data": {"__typename": "Query", "projects": []}}) == sent == by_hash
    assert (400, "BAD_REQUEST") == (other_status, other["errors"][0]["extensions"]["code"])


async def test_nobody_fills_the_memory_with_queries(users: UserFactory) -> None:
    query = "{ __typename } # by nobody"
    digest = hashlib.sha256(query.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    sent = await execute(users.anonymous(), query, extensions=extensions)
    again = await users.client.post("/graphql", json={"extensions": extensions})

    assert sent.json() == {"data": {"__typename": "Query"}}
    assert again.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_an_invalid_token_is_401_whatever_is_asked(users: UserFactory, user: ApiUser) -> None:
    await users.end_session(user)
    queries = ["{ __typename }", "{ projects { id } }", "{ nothing }", "mutation { deletePost(id: 1) }"]

    ended = [await execute(user, query) for query in queries]
    forged = await users.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer forged"}
    )

    assert [one.status_code for one in (*ended, forged)] == [401] * 5
    assert {one.json()["errors"][0]["extensions"]["code"] for one in (*ended, forged)} == {"UNAUTHENTICATED"}
    assert forged.headers["www-authenticate"] == "Bearer"


async def test_nobody_is_answered_what_needs_no_name(users: UserFactory) -> None:
    anonymous = users.anonymous()

    named = (await execute(anonymous, '{ __typename __type(name: "Task") { name } }')).json()
    mixed = await execute(anonymous, "{ kind: __typename task(id: 1) { id } }", headers={"accept": GRAPHQL})
    list_body = (await execute(anonymous, "{ __typename projects { id } }")).json()
    changed = await execute(anonymous, "mutation { __typename deletePost(id: 1) }")

    assert named == {"data": {"__typename": "Query", "__type": {"name": "Task"}}}
    assert 200 == mixed.status_code == changed.status_code
    assert mixed.json()["data"] == {"kind": "Query", "task": None}
    assert None is list_body["data"] is changed.json()["data"]
    for body, path in ((mixed.json(), "task"), (list_body, "projects"), (changed.json(), "deletePost")):
        assert [one["extensions"]["code"] for one in body["errors"]] == ["UNAUTHENTICATED"]
        assert [one["path"] for one in body["errors"]] == [[path]]

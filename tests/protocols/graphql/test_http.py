"""GraphQL over HTTP: media types, statuses, what other sites cannot send, batches, persisted queries."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from tests.people import People, Person
from tests.protocols.graphql.asking import GRAPHQL, ask, data

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
    ada: Person, accept: str | None, kind: str
) -> None:
    answer = await ask(ada, "{ __typename }", headers={"accept": accept or ""})

    assert 200 == answer.status_code
    assert f"{kind}; charset=utf-8" == answer.headers["content-type"]


async def test_what_takes_neither_media_type_is_told_so(ada: Person) -> None:
    answer = await ask(ada, "{ __typename }", headers={"accept": "text/plain"})

    assert 406 == answer.status_code
    assert "NOT_ACCEPTABLE" == answer.json()["errors"][0]["extensions"]["code"]


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
async def test_the_status_says_whether_something_was_executed(
    ada: Person, body: Any, older: int, newer: int
) -> None:
    headers = {"authorization": f"Bearer {ada.token}"}

    statuses = [
        (await ada.client.post("/graphql", json=body, headers={**headers, "accept": accept})).status_code
        for accept in (JSON, GRAPHQL)
    ]

    assert [older, newer] == statuses


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_a_form_of_another_site_sends_nothing(ada: Person, kind: str) -> None:
    answer = await ada.client.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"content-type": kind}
    )

    assert 415 == answer.status_code


async def test_a_get_needs_a_header_that_forms_cannot_send(client: httpx.AsyncClient, ada: Person) -> None:
    params = {"query": "query($n: String!) { __type(name: $n) { name } }", "variables": '{"n": "User"}'}

    bare = await client.get("/graphql", params=params)
    marked = await client.get("/graphql", params=params, headers={"graphql-require-preflight": "1"})
    known = await client.get("/graphql", params=params, headers={"authorization": f"Bearer {ada.token}"})

    assert [400, 200, 200] == [one.status_code for one in (bare, marked, known)]
    assert {"data": {"__type": {"name": "User"}}} == marked.json() == known.json()


async def test_a_get_changes_nothing(ada: Person) -> None:
    params = {"query": 'mutation { createProject(input: {name: "By GET"}) { id } }'}

    answer = await ada.client.get("/graphql", params=params, headers={"authorization": f"Bearer {ada.token}"})

    assert 405 == answer.status_code
    assert "POST" == answer.headers["allow"]
    assert [] == await projects(ada)


async def projects(person: Person) -> list[str]:
    return [one["name"] for one in (await data(person, "{ projects { name } }"))["projects"]]


async def test_a_batch_is_answered_in_its_order(ada: Person) -> None:
    headers = {"authorization": f"Bearer {ada.token}"}
    batch = [
        {"query": 'mutation { createProject(input: {name: "First"}) { name } }'},
        {"query": "{ nothing }"},
        {"query": "query($n: Int) { projects(limit: $n) { name } }", "variables": {"n": 1}},
    ]

    answer = await ada.client.post("/graphql", json=batch, headers=headers)
    too_many = await ada.client.post("/graphql", json=[batch[1]] * 11, headers=headers)

    first, second, third = answer.json()
    assert 200 == answer.status_code
    assert {"data": {"createProject": {"name": "First"}}} == first
    assert "BAD_REQUEST" == second["errors"][0]["extensions"]["code"]
    assert {"data": {"projects": [{"name": "First"}]}} == third
    assert 400 == too_many.status_code
    assert "1 to 10" in too_many.json()["errors"][0]["message"]


async def test_a_persisted_query_is_sent_once(ada: Person) -> None:
    query = f"{{ __typename projects {{ name id }} }} # {ada.id}"
    headers = {"authorization": f"Bearer {ada.token}"}
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}

    async def send(**body: object) -> Any:
        answer = await ada.client.post(
            "/graphql", json={"extensions": extensions, **body}, headers={**headers, "accept": GRAPHQL}
        )
        return answer.status_code, answer.json()

    unknown_status, unknown = await send()
    sent = await send(query=query)
    known = await send()
    other_status, other = await send(query="{ __typename }")

    assert (400, "PersistedQueryNotFound") == (unknown_status, unknown["errors"][0]["message"])
    assert "PERSISTED_QUERY_NOT_FOUND" == unknown["errors"][0]["extensions"]["code"]
    assert (200, {"data": {"__typename": "Query", "projects": []}}) == sent == known
    assert (400, "BAD_REQUEST") == (other_status, other["errors"][0]["extensions"]["code"])


async def test_nobody_fills_the_memory_with_queries(people: People) -> None:
    query = "{ __typename } # by nobody"
    digest = hashlib.sha256(query.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    sent = await ask(people.nobody(), query, extensions=extensions)
    again = await people.client.post("/graphql", json={"extensions": extensions})

    assert {"data": {"__typename": "Query"}} == sent.json()
    assert "PERSISTED_QUERY_NOT_FOUND" == again.json()["errors"][0]["extensions"]["code"]


async def test_an_invalid_token_is_401_whatever_is_asked(people: People, ada: Person) -> None:
    await people.end_session(ada)
    asked = ["{ __typename }", "{ projects { id } }", "{ nothing }", "mutation { deletePost(id: 1) }"]

    ended = [await ask(ada, query) for query in asked]
    forged = await people.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer forged"}
    )

    assert [401] * 5 == [one.status_code for one in (*ended, forged)]
    assert {"UNAUTHENTICATED"} == {one.json()["errors"][0]["extensions"]["code"] for one in (*ended, forged)}
    assert "Bearer" == forged.headers["www-authenticate"]


async def test_nobody_is_answered_what_needs_no_name(people: People) -> None:
    nobody = people.nobody()

    named = (await ask(nobody, '{ __typename __type(name: "Task") { name } }')).json()
    mixed = await ask(nobody, "{ kind: __typename task(id: 1) { id } }", headers={"accept": GRAPHQL})
    listed = (await ask(nobody, "{ __typename projects { id } }")).json()
    changed = await ask(nobody, "mutation { __typename deletePost(id: 1) }")

    assert {"data": {"__typename": "Query", "__type": {"name": "Task"}}} == named
    assert 200 == mixed.status_code == changed.status_code
    assert {"kind": "Query", "task": None} == mixed.json()["data"]
    assert None is listed["data"] is changed.json()["data"]
    for body, path in ((mixed.json(), "task"), (listed, "projects"), (changed.json(), "deletePost")):
        assert ["UNAUTHENTICATED"] == [one["extensions"]["code"] for one in body["errors"]]
        assert [[path]] == [one["path"] for one in body["errors"]]

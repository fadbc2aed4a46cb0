"""A document is sent once and named by its hash from then on."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.protocols.graphql.requests import GRAPHQL, execute
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_persisted_query_is_sent_once(user: ApiUser) -> None:
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

    assert (unknown_status, unknown["errors"][0]["message"]) == (400, "PersistedQueryNotFound")
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert sent == by_hash == (200, {"data": {"__typename": "Query", "projects": []}})
    assert (other_status, other["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_anonymous_callers_cannot_store_queries(users: UserFactory) -> None:
    query = "{ __typename } # by an anonymous caller"
    digest = hashlib.sha256(query.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    sent = await execute(users.anonymous(), query, extensions=extensions)
    again = await users.client.post("/graphql", json={"extensions": extensions})

    assert sent.json() == {"data": {"__typename": "Query"}}
    assert again.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

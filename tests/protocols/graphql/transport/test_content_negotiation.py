"""The media type of a response is the one that `Accept` prefers."""

from __future__ import annotations

import pytest

from tests.protocols.graphql.requests import GRAPHQL, execute
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
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
async def test_response_has_the_preferred_media_type(user: ApiUser, accept: str | None, media_type: str) -> None:
    response = await execute(user, "{ __typename }", headers={"accept": accept or ""})

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_unsupported_media_type_is_not_acceptable(user: ApiUser) -> None:
    response = await execute(user, "{ __typename }", headers={"accept": "text/plain"})

    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"

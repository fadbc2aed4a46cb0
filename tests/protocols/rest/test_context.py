"""What handlers share: authentication, content negotiation and ids in paths."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import NotFoundError
from monynha.protocols.rest.context import parse_id
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


def test_me_is_the_id_of_the_actor() -> None:
    actor = Actor(ActorKind.USER, uuid4())

    assert parse_id("me", actor, "user") == actor.id
    assert parse_id(str(actor.id), ANONYMOUS, "user") == actor.id


@pytest.mark.parametrize("text", ["me", "", "x", "{00000000-0000-4000-8000-000000000000}", "0" * 32])
def test_invalid_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFoundError, match=r"^Task not found\.$"):
        parse_id(text, ANONYMOUS, "task")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_client_that_does_not_accept_json_is_not_acceptable(user: ApiUser, method: str) -> None:
    response = await user.request(method, "/users/me", json={}, headers={"Accept": "text/html"})

    assert (response.status_code, response.json()["error"]["code"]) == (406, "NOT_ACCEPTABLE")


async def test_anonymous_request_is_unauthenticated(users: UserFactory) -> None:
    response = await users.anonymous().get("/projects")

    assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


async def test_ended_session_is_reported_before_an_invalid_request(users: UserFactory, user: ApiUser) -> None:
    await users.end_session(user)

    for path in ("/projects?unknown=1", "/projects/me-not", "/tasks?limit=0"):
        assert (await user.get(path)).status_code == 401
    assert (await user.post("/projects", {"name": ""})).status_code == 401

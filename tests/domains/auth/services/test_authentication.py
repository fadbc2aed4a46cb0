"""Authentication: the actor of a request by its Authorization header."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import (
    BadRequestError,
    UnauthenticatedError,
)
from monynha.domains.auth.services.authentication import BearerAuthenticator
from monynha.protocols.http.request import Request
from tests.domains.auth.signed_tokens import SUB, access_tokens, sign_token, valid_claims


def request(*authorization: str) -> Request:
    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope: Any = {
        "type": "http",
        "asgi": {},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"authorization", value.encode("latin-1")) for value in authorization],
        "client": None,
    }
    return Request(scope, receive, client_ip="127.0.0.1")


def test_a_request_without_a_token_is_anonymous() -> None:
    assert BearerAuthenticator(access_tokens())(request()) is ANONYMOUS


def test_the_scheme_is_case_insensitive_and_the_actor_is_set_on_the_request() -> None:
    authorized = request(f"bEaReR {sign_token(valid_claims())}")

    assert BearerAuthenticator(access_tokens())(authorized).id == UUID(SUB)
    assert authorized.actor is not None
    assert authorized.actor.id == UUID(SUB)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer x", "bearer\tx", "Bearer é"],
    ids=repr,
)
def test_a_malformed_authorization_header_is_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        BearerAuthenticator(access_tokens())(request(header))


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises((UnauthenticatedError, BadRequestError)):
        BearerAuthenticator(access_tokens())(request(f"Bearer {sign_token(valid_claims())}", "Bearer x"))


def test_the_session_of_an_accepted_token_is_noted_as_used() -> None:
    noted: list[UUID] = []
    activity: Any = SimpleNamespace(note=noted.append)
    session_id = uuid4()
    token = sign_token(valid_claims() | {"session_id": str(session_id)})
    authenticate = BearerAuthenticator(access_tokens(), activity)

    authenticate(request(f"Bearer {token}"))
    authenticate(request())
    with pytest.raises(UnauthenticatedError):
        authenticate(request("Bearer forged"))

    assert noted == [session_id]

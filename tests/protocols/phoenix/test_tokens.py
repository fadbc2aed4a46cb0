"""Why a token is refused, in the words of Supabase."""

from __future__ import annotations

import base64
import time

import orjson
import pytest

from monynha.core.actor import ANONYMOUS, Actor
from monynha.core.errors import UnauthenticatedError
from monynha.protocols.phoenix.tokens import JoinRefusedError, authenticate_token, handshake_reason


def token_of(claims: object, header: object = {"alg": "HS256"}) -> str:  # never changed
    """Return an unsigned token."""
    parts = (base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*parts, "signature"))


def refuse(token: str) -> Actor:
    """Refuse every token."""
    raise UnauthenticatedError()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "MalformedJWT: The token provided is not a valid JWT"),
        ("", "MalformedJWT: The token provided is not a valid JWT"),
        ("junk", "MalformedJWT: The token provided is not a valid JWT"),
        ("a.b.c", "MalformedJWT: The token provided is not a valid JWT"),
        (token_of([]), "MalformedJWT: The token provided is not a valid JWT"),
        (token_of({}), "InvalidJWTToken: Fields `role` and `exp` are required in JWT"),
        (token_of({"role": "anon", "exp": 4_870_000_000}), "JwtSignatureError: Failed to validate JWT signature"),
    ],
    ids=range(7),
)
def test_refused_token_has_the_message_of_supabase(token: object, reason: str) -> None:
    with pytest.raises(JoinRefusedError) as refused:
        authenticate_token(refuse, token)

    assert str(refused.value) == reason


def test_expired_token_says_for_how_long() -> None:
    with pytest.raises(JoinRefusedError, match=r"^InvalidJWTToken: Token has expired 6\d seconds ago$") as refused:
        authenticate_token(refuse, token_of({"role": "anon", "exp": int(time.time()) - 60}))

    assert handshake_reason(refused.value) == "Token has expired"


def test_valid_token_returns_its_actor() -> None:
    assert authenticate_token(lambda token: ANONYMOUS, "token") is ANONYMOUS

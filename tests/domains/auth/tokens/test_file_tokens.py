"""File tokens: they name a session, end with their time, and are no access tokens, nor the other way round."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.tokens.access_tokens import AccessTokens, SessionClaims
from monynha.domains.auth.tokens.file_tokens import FILE_TOKEN_TTL_S, FileTokens

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SECRET = "s" * 40
ACTOR = Actor(ActorKind.USER, uuid4(), uuid4())
TOKENS = FileTokens(SECRET, lambda: NOW)
ACCESS_TOKENS = AccessTokens(SECRET, issuer="https://board.example.org/auth/v1", ttl_s=3600, clock=lambda: NOW)


def test_a_token_is_the_session_it_was_issued_for() -> None:
    actor = TOKENS.verify(TOKENS.issue(ACTOR, "aal2"))

    assert (actor.kind, actor.id, actor.session_id) == (ActorKind.USER, ACTOR.id, ACTOR.session_id)
    assert not actor.is_admin
    assert actor.expires_at == NOW.timestamp() + FILE_TOKEN_TTL_S
    assert json.loads(actor.claims) == {
        "sub": str(ACTOR.id),
        "role": "authenticated",
        "session_id": str(ACTOR.session_id),
        "aal": "aal2",
    }


def test_a_token_ends_with_its_time() -> None:
    token = TOKENS.issue(ACTOR, "aal1")
    ttl = timedelta(seconds=FILE_TOKEN_TTL_S)

    assert FileTokens(SECRET, lambda: NOW + ttl - timedelta(seconds=1)).verify(token).id == ACTOR.id
    with pytest.raises(UnauthenticatedError):
        FileTokens(SECRET, lambda: NOW + ttl).verify(token)


def _unsigned(token: str) -> str:
    payload = token.split(".")[1]
    return f"eyJhbGciOiJub25lIn0.{payload}."


def _with_other_user(token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{TOKENS.issue(Actor(ActorKind.USER, uuid4(), uuid4()), 'aal1').split('.')[1]}.{signature}"


@pytest.mark.parametrize("token", [
    "",
    "x",
    "a.b.c",
    "é.é.é",
    "A" * 2000,
    _unsigned(TOKENS.issue(ACTOR, "aal1")),
    _with_other_user(TOKENS.issue(ACTOR, "aal1")),
    FileTokens("o" * 40, lambda: NOW).issue(ACTOR, "aal1"),
    # Signed with the secret itself, as an access token is.
    jws.serialize_compact({"alg": "HS256"}, b"{}", OctKey.import_key(SECRET.encode()), ["HS256"]),
    ACCESS_TOKENS.issue(Account(uuid4(), {}, {}, NOW, NOW), SessionClaims(uuid4(), "aal1", ())).text,
])  # fmt: skip
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(token)


def test_a_file_token_is_no_access_token() -> None:
    with pytest.raises(UnauthenticatedError):
        ACCESS_TOKENS.verify(TOKENS.issue(ACTOR, "aal1"))


def test_the_secret_is_in_no_representation() -> None:
    assert SECRET not in repr(TOKENS)

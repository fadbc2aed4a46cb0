"""Access tokens: which are valid, and for which actor."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from monynha.core.actor import ANONYMOUS, ActorKind
from monynha.core.errors import (
    UnauthenticatedError,
)
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.tokens.access_tokens import SessionClaims
from tests.domains.auth.manual_clock import ManualClock
from tests.domains.auth.signed_tokens import ISSUER, NOW, SESSION, START, SUB, access_tokens, sign_token, valid_claims


def account() -> Account:
    return Account(
        id=UUID(SUB),
        email="ada@example.com",
        app_metadata={"provider": "email", "providers": ["email"]},
        user_metadata={"name": "Ada"},
        created_at=NOW,
        updated_at=NOW,
    )


def test_an_issued_token_identifies_the_account_and_its_session() -> None:
    token = access_tokens().issue(
        account(), SessionClaims(UUID(SESSION), "aal1", ({"method": "password", "timestamp": START},))
    )

    actor = access_tokens().verify(token.text)

    assert (actor.kind, actor.id, actor.session_id) == (ActorKind.USER, UUID(SUB), UUID(SESSION))
    assert orjson.loads(actor.claims) == {
        "iss": ISSUER,
        "sub": SUB,
        "aud": "authenticated",
        "exp": START + 3600,
        "iat": START,
        "email": "ada@example.com",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"name": "Ada"},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": START}],
        "session_id": SESSION,
        "is_anonymous": False,
    }


def test_a_token_of_our_issuer_that_was_signed_elsewhere_with_the_secret_is_valid() -> None:
    assert access_tokens().verify(sign_token(valid_claims(session_id=...))).session_id is None


def test_the_anon_key_is_anonymous_and_the_service_key_is_the_service() -> None:
    anonymous = access_tokens().verify(sign_token({"role": "anon", "exp": START + 60}))
    assert anonymous == replace(ANONYMOUS, expires_at=START + 60)
    assert access_tokens().verify(sign_token({"role": "service_role", "exp": START + 60})).kind is ActorKind.SERVICE


@pytest.mark.parametrize(
    "claims",
    [
        valid_claims(exp=START),
        valid_claims(exp=START - 1),
        valid_claims(exp=...),
        valid_claims(exp=None),
        valid_claims(exp="tomorrow"),
        valid_claims(exp=True),
        valid_claims(exp=START + 60, nbf=START + 60),
        valid_claims(iat=START + 3600),
        valid_claims(sub="' or 1=1 --"),
        valid_claims(sub=5),
        valid_claims(sub=[SUB]),
        valid_claims(sub=""),
        valid_claims(iss="https://b.example/auth/v1"),
        valid_claims(iss=...),
        valid_claims(iss=None),
        valid_claims(iss=""),
        valid_claims(iss=7),
        valid_claims(iss=["https://a.example/auth/v1"]),
        {"role": "anon"},
        valid_claims(role="anon"),
        valid_claims(role="admin"),
        valid_claims(role=...),
        valid_claims(role={"a": 1}),
        valid_claims(session_id="x"),
        valid_claims(session_id=7),
        valid_claims(aud="another"),
        valid_claims(aud=["another"]),
        valid_claims(aud=7),
        valid_claims(user_metadata={"name": "a\x00b"}),
        valid_claims(user_metadata={"a\x00b": 1}),
        {"role": "authenticated", "iss": ISSUER, "exp": START + 60},
        {"role": "admin", "exp": START + 60},
        {"exp": START + 60},
        [],
        "text",
        None,
        5,
    ],
    ids=repr,
)
def test_invalid_claims_are_refused_although_the_signature_is_valid(claims: Any) -> None:
    with pytest.raises(UnauthenticatedError):
        access_tokens().verify(sign_token(claims))


@pytest.mark.parametrize("issuer", ["https://a.example/auth/v1", "https://b.example", "own"])
def test_a_person_may_come_from_any_of_our_issuers(issuer: str) -> None:
    tokens = access_tokens(other_issuers=("https://b.example", "own"))

    assert tokens.verify(sign_token(valid_claims(iss=issuer))).id == UUID(SUB)


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "service_role"},
        {"role": "service_role", "iss": "supabase", "sub": "1234567890"},
        {"role": "service_role", "sub": SUB, "exp": START + 60},
        {"role": "supabase_admin", "iss": "https://b.example", "sub": ""},
    ],
    ids=repr,
)
def test_a_hand_made_service_token_is_the_service_and_nobody_else(claims: dict[str, Any]) -> None:
    tokens, token = access_tokens(), sign_token(claims)

    actors = [tokens.verify(token), tokens.verify(token)]

    assert [(actor.kind, actor.id) for actor in actors] == [(ActorKind.SERVICE, None)] * 2
    assert actors[0].expires_at == claims.get("exp")
    assert orjson.loads(actors[0].claims)["role"] == "service_role"
    assert "sub" not in orjson.loads(actors[0].claims)


@pytest.mark.parametrize("exp", [START, "tomorrow"])
def test_a_service_token_expires_where_it_says_when(exp: object) -> None:
    with pytest.raises(UnauthenticatedError):
        access_tokens().verify(sign_token({"role": "service_role", "exp": exp}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b'{"exp": NaN}',
        b'{"sub": "\\ud800", "exp": 99999999999}',
        b"[" * 5000,
        b'{"exp": 1e999, "sub": "11111111-1111-4111-8111-111111111111", "role": "authenticated"}',
    ],
    ids=repr,
)
def test_a_payload_that_is_not_json_is_refused_although_the_signature_is_valid(raw: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        access_tokens().verify(sign_token(None, raw=raw))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(sign_token(valid_claims(), secret="another-secret-that-is-long-enough-too"), id="other secret"),
        pytest.param(sign_token(valid_claims(), secret=""), id="empty secret"),
        pytest.param(sign_token(valid_claims(), header={"alg": "none"}), id="alg none, signed"),
        pytest.param(sign_token(valid_claims(), header={"alg": "none"}).rpartition(".")[0] + ".", id="alg none"),
        pytest.param(sign_token(valid_claims(), header={"alg": "None"}).rpartition(".")[0] + ".", id="alg None"),
        pytest.param(sign_token(valid_claims(), header={"alg": "HS512"}, digest=hashlib.sha512), id="alg HS512"),
        pytest.param(sign_token(valid_claims(), header={"alg": "RS256"}), id="alg RS256"),
        pytest.param(sign_token(valid_claims(), header={"alg": ["HS256"]}), id="alg is a list"),
        pytest.param(sign_token(valid_claims(), header={"typ": "JWT"}), id="no alg"),
        pytest.param(sign_token(valid_claims(), header=["HS256"]), id="header is a list"),
        pytest.param(sign_token(valid_claims(), header={"alg": "HS256", "crit": ["x"], "x": 1}), id="crit"),
        pytest.param(sign_token(valid_claims(), header={"alg": "HS256", "b64": False, "crit": ["b64"]}), id="b64"),
        pytest.param(
            sign_token(valid_claims(), header={"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}), id="own key"
        ),
        pytest.param(sign_token(valid_claims(), header={"alg": "HS256", "jku": "https://evil.example"}), id="jku"),
        pytest.param(sign_token(valid_claims())[:-4], id="signature cut"),
        pytest.param(sign_token(valid_claims()).rpartition(".")[0] + ".", id="signature empty"),
        pytest.param(sign_token(valid_claims()).rpartition(".")[0], id="two parts"),
        pytest.param(sign_token(valid_claims()) + ".AA", id="four parts"),
        pytest.param("", id="empty"),
        pytest.param("..", id="dots"),
        pytest.param("a.b.c", id="rubbish"),
        pytest.param("ééé.ééé.ééé", id="not ascii"),
        pytest.param("\x00.\x00.\x00", id="NUL"),
        pytest.param("undefined", id="undefined"),
    ],
)
def test_a_forged_token_is_refused(forged: str) -> None:
    with pytest.raises(UnauthenticatedError):
        access_tokens().verify(forged)


def test_an_oversized_token_is_refused_although_it_is_valid() -> None:
    fits = sign_token(valid_claims(user_metadata={"name": "x" * 5500}))
    oversized = sign_token(valid_claims(user_metadata={"name": "x" * 6500}))

    assert access_tokens().verify(fits).id == UUID(SUB)
    with pytest.raises(UnauthenticatedError):
        access_tokens().verify(oversized)


def test_an_actor_expires_with_its_token() -> None:
    user = access_tokens().verify(sign_token(valid_claims(exp=START + 60)))
    service = access_tokens().verify(sign_token({"role": "service_role", "exp": START + 60.5}))

    assert user.expires_at == START + 60
    assert service.expires_at == START + 60.5


def test_a_cached_token_still_expires_on_time() -> None:
    clock = ManualClock(NOW)
    cached_tokens = access_tokens(clock)
    token = sign_token(valid_claims(exp=START + 60))
    cached_tokens.verify(token)

    clock.advance(59)
    assert cached_tokens.verify(token).id == UUID(SUB)
    clock.advance(1)
    with pytest.raises(UnauthenticatedError):
        cached_tokens.verify(token)


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monynha.domains.auth.tokens.access_tokens._CACHE_SIZE", 20)
    cached_tokens = access_tokens()
    for _ in range(50):
        cached_tokens.verify(sign_token(valid_claims(session_id=str(uuid4()))))

    assert len(cached_tokens._cache) == 20


def test_the_literal_text_of_a_nul_escape_in_a_name_is_valid() -> None:
    token = sign_token(valid_claims(user_metadata={"name": "\\u0000"}))

    assert access_tokens().verify(token).id == UUID(SUB)

"""Access tokens: which are believed, and whom they speak for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from monynha.core.actor import ANONYMOUS, ActorKind
from monynha.core.errors import BadRequestError, UnauthenticatedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.tokens.access_tokens import AccessTokens, BearerAuthenticator, SessionClaims
from monynha.protocols.http.request import HttpScope, Request, RequestMessage
from tests.domains.auth.manual_clock import ManualClock

SECRET = "a-secret-of-the-tests-that-is-long-enough"
NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
START = int(NOW.timestamp())
SUB = "11111111-1111-4111-8111-111111111111"
SESSION = "22222222-2222-4222-8222-222222222222"


def tokens(clock: ManualClock | None = None) -> AccessTokens:
    return AccessTokens(SECRET, issuer="https://a.example/auth/v1", ttl_s=3600, clock=clock or ManualClock(NOW))


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(
    claims: Any,
    *,
    header: Any = None,
    secret: str = SECRET,
    digest: Any = hashlib.sha256,
    raw: bytes | None = None,
) -> str:
    """Sign by hand, so that the test does not lean on the library it tests."""
    head = b64(orjson.dumps(header or {"alg": "HS256", "typ": "JWT"}))
    body = b64(raw if raw is not None else orjson.dumps(claims))
    return f"{head}.{body}.{b64(hmac.digest(secret.encode(), f'{head}.{body}'.encode(), digest))}"


def good(**more: Any) -> dict[str, Any]:
    claims = {"sub": SUB, "role": "authenticated", "exp": START + 60, "session_id": SESSION, **more}
    return {key: value for key, value in claims.items() if value is not ...}


def account(**changes: Any) -> Account:
    blank = dict.fromkeys(Account.__dataclass_fields__)
    made = Account(
        **{
            **blank,
            "id": UUID(SUB),
            "email": "ada@example.com",
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {"name": "Ada"},
            "is_anonymous": False,
            "identities": (),
            "changes": frozenset(),
        }  # type: ignore[arg-type]
    )
    return replace(made, **changes)


def request(*authorization: str) -> Request:
    async def receive() -> RequestMessage:
        return {"type": "http.request", "body": b""}

    scope: HttpScope = {
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


def test_a_made_token_speaks_for_the_account_and_its_session() -> None:
    made = tokens().issue(
        account(), SessionClaims(UUID(SESSION), "aal1", ({"method": "password", "timestamp": START},))
    )

    actor = tokens().verify(made.text)

    assert (actor.kind, actor.id, actor.session_id) == (ActorKind.USER, UUID(SUB), UUID(SESSION))
    assert orjson.loads(actor.claims) == {
        "iss": "https://a.example/auth/v1",
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


def test_a_token_signed_by_hand_with_the_secret_is_believed() -> None:
    assert tokens().verify(signed(good(session_id=...))).session_id is None


def test_the_anon_key_is_nobody_and_the_service_key_the_service() -> None:
    assert tokens().verify(signed({"role": "anon", "exp": START + 60})) is ANONYMOUS
    assert tokens().verify(signed({"role": "service_role", "exp": START + 60})).kind is ActorKind.SERVICE


@pytest.mark.parametrize(
    "claims",
    [
        good(exp=START),
        good(exp=START - 1),
        good(exp=...),
        good(exp=None),
        good(exp="tomorrow"),
        good(exp=True),
        good(exp=START + 60, nbf=START + 60),
        good(iat=START + 3600),
        good(sub="' or 1=1 --"),
        good(sub=5),
        good(sub=[SUB]),
        good(sub=""),
        good(role="service_role"),
        good(role="anon"),
        good(role="admin"),
        good(role=...),
        good(role={"a": 1}),
        good(session_id="x"),
        good(session_id=7),
        good(aud="another"),
        good(aud=["another"]),
        good(aud=7),
        good(user_metadata={"name": "a\x00b"}),
        good(user_metadata={"a\x00b": 1}),
        {"role": "authenticated", "exp": START + 60},
        {"role": "admin", "exp": START + 60},
        {"exp": START + 60},
        [],
        "text",
        None,
        5,
    ],
    ids=repr,
)
def test_claims_that_are_not_good_are_refused_though_the_signature_is_right(claims: Any) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens().verify(signed(claims))


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
def test_a_payload_that_is_not_json_is_refused_though_the_signature_is_right(raw: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens().verify(signed(None, raw=raw))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(signed(good(), secret="another-secret-that-is-long-enough-too"), id="other secret"),
        pytest.param(signed(good(), secret=""), id="empty secret"),
        pytest.param(signed(good(), header={"alg": "none"}), id="alg none, signed"),
        pytest.param(signed(good(), header={"alg": "none"}).rpartition(".")[0] + ".", id="alg none"),
        pytest.param(signed(good(), header={"alg": "None"}).rpartition(".")[0] + ".", id="alg None"),
        pytest.param(signed(good(), header={"alg": "HS512"}, digest=hashlib.sha512), id="alg HS512"),
        pytest.param(signed(good(), header={"alg": "RS256"}), id="alg RS256"),
        pytest.param(signed(good(), header={"alg": ["HS256"]}), id="alg is a list"),
        pytest.param(signed(good(), header={"typ": "JWT"}), id="no alg"),
        pytest.param(signed(good(), header=["HS256"]), id="header is a list"),
        pytest.param(signed(good(), header={"alg": "HS256", "crit": ["x"], "x": 1}), id="crit"),
        pytest.param(signed(good(), header={"alg": "HS256", "b64": False, "crit": ["b64"]}), id="b64"),
        pytest.param(signed(good(), header={"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}), id="own key"),
        pytest.param(signed(good(), header={"alg": "HS256", "jku": "https://evil.example"}), id="jku"),
        pytest.param(signed(good())[:-4], id="signature cut"),
        pytest.param(signed(good()).rpartition(".")[0] + ".", id="signature empty"),
        pytest.param(signed(good()).rpartition(".")[0], id="two parts"),
        pytest.param(signed(good()) + ".AA", id="four parts"),
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
        tokens().verify(forged)


def test_an_oversized_token_is_refused_though_everything_in_it_is_right() -> None:
    fits = signed(good(user_metadata={"name": "x" * 5500}))
    oversized = signed(good(user_metadata={"name": "x" * 6500}))

    assert tokens().verify(fits).id == UUID(SUB)
    with pytest.raises(UnauthenticatedError):
        tokens().verify(oversized)


def test_a_remembered_token_still_ends_at_its_second() -> None:
    clock = ManualClock(NOW)
    tested = tokens(clock)
    token = signed(good(exp=START + 60))
    tested.verify(token)

    clock.advance(59)
    assert tested.verify(token).id == UUID(SUB)
    clock.advance(1)
    with pytest.raises(UnauthenticatedError):
        tested.verify(token)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monynha.domains.auth.tokens.access_tokens._CACHE_SIZE", 20)
    tested = tokens()
    for _ in range(50):
        tested.verify(signed(good(session_id=str(uuid4()))))

    assert len(tested._cache) == 20


def test_the_literal_text_of_a_nul_escape_in_a_name_locks_nobody_out() -> None:
    token = signed(good(user_metadata={"name": "\\u0000"}))

    assert tokens().verify(token).id == UUID(SUB)


def test_without_a_token_nobody_asks() -> None:
    assert BearerAuthenticator(tokens())(request()) is ANONYMOUS


def test_the_scheme_is_read_in_any_case_and_the_log_learns_who_asked() -> None:
    asked = request(f"bEaReR {signed(good())}")

    assert BearerAuthenticator(tokens())(asked).id == UUID(SUB)
    assert asked.actor is not None
    assert asked.actor.id == UUID(SUB)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer x", "bearer\tx", "Bearer é"],
    ids=repr,
)
def test_an_odd_authorization_header_is_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        BearerAuthenticator(tokens())(request(header))


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises((UnauthenticatedError, BadRequestError)):
        BearerAuthenticator(tokens())(request(f"Bearer {signed(good())}", "Bearer x"))

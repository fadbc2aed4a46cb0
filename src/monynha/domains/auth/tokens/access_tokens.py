"""Access tokens: made for a session, verified for a request (RFC 7519, HS256)."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.metadata import contains_nul
from monynha.protocols.http.request import Request

MAX_TOKEN_BYTES = 8192
AUDIENCE = "authenticated"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_CACHE_SIZE = 16_384
_MAX_CLOCK_SKEW_S = 30
"""How far another replica's clock may be ahead of ours."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a session says of a sign-in: how strong it was, and by which methods."""

    id: UUID
    aal: str
    amr: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and the second at which it ends."""

    text: str
    expires_at: int


class AccessTokens:
    """Makes and verifies access tokens; a verified one is remembered until it ends."""

    def __init__(self, secret: str, *, issuer: str, ttl_s: int, clock: Clock = utc_now) -> None:
        self._key = OctKey.import_key(secret.encode())
        self._issuer = issuer
        self.ttl_s = ttl_s
        self._clock = clock
        self._cache: dict[bytes, tuple[float, Actor]] = {}

    def issue(self, account: Account, session: SessionClaims) -> AccessToken:
        """Return a new token for the session."""
        issued_at = int(self._clock().timestamp())
        claims = {
            "iss": self._issuer,
            "sub": str(account.id),
            "aud": AUDIENCE,
            "exp": issued_at + self.ttl_s,
            "iat": issued_at,
            "email": account.email or "",
            "phone": account.phone or "",
            "app_metadata": account.app_metadata,
            "user_metadata": account.user_metadata,
            "role": ActorKind.USER.value,
            "aal": session.aal,
            "amr": session.amr,
            "session_id": str(session.id),
            "is_anonymous": account.is_anonymous,
        }
        text = jws.serialize_compact(_HEADER, orjson.dumps(claims), self._key, ["HS256"])
        return AccessToken(text, issued_at + self.ttl_s)

    def verify(self, text: str) -> Actor:
        """Return whom a token speaks for; Unauthenticated where it is forged, foreign, over or oversized."""
        now = self._clock().timestamp()
        # By digest: a token is a kilobyte, and thousands are remembered.
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        cached = self._cache.get(digest)
        if cached is not None and cached[0] > now:
            return cached[1]
        claims = self._decode(text, now)
        actor = _actor_from_claims(claims)
        if len(self._cache) >= _CACHE_SIZE:
            # The oldest goes first: dictionaries keep the order in which things came.
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = (claims["exp"], actor)
        return actor

    def expires_at(self, text: str) -> float | None:
        """Return the second at which a token ends that was verified just now."""
        cached = self._cache.get(sha256(text.encode("utf-8", "surrogatepass")).digest())
        return None if cached is None else cached[0]

    def _decode(self, text: str, now: float) -> dict[str, Any]:
        if len(text) > MAX_TOKEN_BYTES or not text.isascii() or not _has_expected_header(text):
            raise UnauthenticatedError()
        registry = JWTClaimsRegistry(now=int(now), leeway=_MAX_CLOCK_SKEW_S, exp={"essential": True})
        try:
            claims = orjson.loads(jws.deserialize_compact(text, self._key, ["HS256"]).payload)
            if not isinstance(claims, dict):
                raise UnauthenticatedError()
            registry.validate(claims)
        except (JoseError, ValueError):
            raise UnauthenticatedError() from None
        # The leeway is for a clock that is ahead, never for a token that has ended.
        if claims["exp"] <= now:
            raise UnauthenticatedError()
        return claims


def _has_expected_header(text: str) -> bool:
    """Whether the header asks for nothing but what we sign with (RFC 8725 §3.1)."""
    header_text, _, rest = text.partition(".")
    if rest.count(".") != 1:
        return False
    try:
        header = orjson.loads(urlsafe_b64decode(header_text.encode()))
    except (ValueError, binascii.Error):
        return False
    return isinstance(header, dict) and header.get("alg") == "HS256" and header.keys() <= {"alg", "typ", "kid"}


def _actor_from_claims(claims: dict[str, Any]) -> Actor:
    role = claims.get("role")
    if claims.get("sub") is None:
        if role == ActorKind.ANONYMOUS.value:
            return ANONYMOUS
        if role == ActorKind.SERVICE.value:
            return Actor(ActorKind.SERVICE, claims=_claims_json(claims))
        raise UnauthenticatedError()
    user_id = parse_uuid(claims["sub"])
    audience = claims.get("aud", AUDIENCE)
    if (
        user_id is None
        or role != ActorKind.USER.value
        or AUDIENCE not in ([audience] if isinstance(audience, str) else audience)
    ):
        raise UnauthenticatedError()
    metadata = claims.get("app_metadata")
    is_admin = isinstance(metadata, dict) and metadata.get("role") == "admin"
    return Actor(ActorKind.USER, user_id, _session_id(claims), _claims_json(claims), is_admin=is_admin)


def _session_id(claims: dict[str, Any]) -> UUID | None:
    value = claims.get("session_id")
    if value is None:
        return None
    session_id = parse_uuid(value) if isinstance(value, str) else None
    if session_id is None:
        raise UnauthenticatedError()
    return session_id


def _claims_json(claims: dict[str, Any]) -> str:
    """Return the claims as JSON that PostgreSQL reads: it knows no NUL in a text."""
    if contains_nul(claims):
        raise UnauthenticatedError()
    return orjson.dumps(claims).decode()


@dataclass(frozen=True, slots=True)
class BearerAuthenticator:
    """Tells who sends a request, by its bearer token."""

    _tokens: AccessTokens

    def __call__(self, request: Request) -> Actor:
        """Return the actor: nobody without a token, Unauthenticated for one that is not good."""
        header = request.header(b"authorization")
        if header is None:
            return ANONYMOUS
        actor = self._tokens.verify(parse_bearer_token(header))
        if actor.id is not None:
            request.actor = actor
        return actor


def parse_bearer_token(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750 §2.1); Unauthenticated for another scheme."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError()
    return token

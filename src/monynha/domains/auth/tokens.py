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

from monynha.core.actor import NOBODY, Actor, ActorKind
from monynha.core.errors import Unauthenticated
from monynha.core.wire import parse_uuid
from monynha.domains.auth.account import Account
from monynha.domains.auth.metadata import holds_nul
from monynha.protocols.http.request import Request

TOKEN_LIMIT_BYTES = 8192
AUDIENCE = "authenticated"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_REMEMBERED = 16_384
_SKEW_S = 30
"""How far another replica's clock may be ahead of ours."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
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
        self._known: dict[bytes, tuple[float, Actor]] = {}

    def mint(self, account: Account, session: Session) -> AccessToken:
        """Return a new token for the session."""
        issued = int(self._clock().timestamp())
        claims = {
            "iss": self._issuer,
            "sub": str(account.id),
            "aud": AUDIENCE,
            "exp": issued + self.ttl_s,
            "iat": issued,
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
        return AccessToken(text, issued + self.ttl_s)

    def verify(self, text: str) -> Actor:
        """Return whom a token speaks for; Unauthenticated where it is forged, foreign, over or oversized."""
        now = self._clock().timestamp()
        # By digest: a token is a kilobyte, and thousands are remembered.
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        claims = self._checked(text, now)
        actor = _actor(claims)
        if len(self._known) >= _REMEMBERED:
            # The oldest goes first: dictionaries keep the order in which things came.
            del self._known[next(iter(self._known))]
        self._known[digest] = (claims["exp"], actor)
        return actor

    def ends_at(self, text: str) -> float | None:
        """Return the second at which a token ends that was verified just now."""
        known = self._known.get(sha256(text.encode("utf-8", "surrogatepass")).digest())
        return None if known is None else known[0]

    def _checked(self, text: str, now: float) -> dict[str, Any]:
        if len(text) > TOKEN_LIMIT_BYTES or not text.isascii() or not _is_ours(text):
            raise Unauthenticated()
        registry = JWTClaimsRegistry(now=int(now), leeway=_SKEW_S, exp={"essential": True})
        try:
            claims = orjson.loads(jws.deserialize_compact(text, self._key, ["HS256"]).payload)
            if not isinstance(claims, dict):
                raise Unauthenticated()
            registry.validate(claims)
        except (JoseError, ValueError):
            raise Unauthenticated() from None
        # The leeway is for a clock that is ahead, never for a token that has ended.
        if claims["exp"] <= now:
            raise Unauthenticated()
        return claims


def _is_ours(text: str) -> bool:
    """Whether the header asks for nothing but what we sign with (RFC 8725 §3.1)."""
    head, _, rest = text.partition(".")
    if rest.count(".") != 1:
        return False
    try:
        header = orjson.loads(urlsafe_b64decode(head.encode()))
    except (ValueError, binascii.Error):
        return False
    return (
        isinstance(header, dict) and header.get("alg") == "HS256" and header.keys() <= {"alg", "typ", "kid"}
    )


def _actor(claims: dict[str, Any]) -> Actor:
    role = claims.get("role")
    if claims.get("sub") is None:
        if role == ActorKind.NOBODY.value:
            return NOBODY
        if role == ActorKind.SERVICE.value:
            return Actor(ActorKind.SERVICE, claims=_text(claims))
        raise Unauthenticated()
    user_id = parse_uuid(claims["sub"])
    audience = claims.get("aud", AUDIENCE)
    if (
        user_id is None
        or role != ActorKind.USER.value
        or AUDIENCE not in ([audience] if isinstance(audience, str) else audience)
    ):
        raise Unauthenticated()
    metadata = claims.get("app_metadata")
    is_admin = isinstance(metadata, dict) and metadata.get("role") == "admin"
    return Actor(ActorKind.USER, user_id, _session_id(claims), _text(claims), is_admin=is_admin)


def _session_id(claims: dict[str, Any]) -> UUID | None:
    told = claims.get("session_id")
    if told is None:
        return None
    session_id = parse_uuid(told) if isinstance(told, str) else None
    if session_id is None:
        raise Unauthenticated()
    return session_id


def _text(claims: dict[str, Any]) -> str:
    """Return the claims as JSON that PostgreSQL reads: it knows no NUL in a text."""
    if holds_nul(claims):
        raise Unauthenticated()
    return orjson.dumps(claims).decode()


@dataclass(frozen=True, slots=True)
class Identify:
    """Tells who sends a request, by its bearer token."""

    _tokens: AccessTokens

    def __call__(self, request: Request) -> Actor:
        """Return the actor: nobody without a token, Unauthenticated for one that is not good."""
        header = request.header(b"authorization")
        if header is None:
            return NOBODY
        actor = self._tokens.verify(bearer(header))
        if actor.id is not None:
            request.actor = actor
        return actor


def bearer(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750 §2.1); Unauthenticated for another scheme."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated()
    return token

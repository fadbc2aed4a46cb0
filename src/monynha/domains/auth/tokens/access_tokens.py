"""Access tokens: issues JSON Web Tokens (RFC 7519, HS256) and verifies them."""

from __future__ import annotations

import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
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
from monynha.core.clock import Clock, utc_now
from monynha.core.errors import UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.metadata import contains_nul
from monynha.domains.auth.tokens.client_grants import ClientGrant

MAX_TOKEN_BYTES = 8192
AUDIENCE = "authenticated"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_CACHE_SIZE = 16_384
_MAX_CLOCK_SKEW_S = 30
"""How far another replica's clock may be ahead of ours."""

_SERVICE_ROLES = (ActorKind.SERVICE.value, "supabase_admin")


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a token states about its session: its id, assurance level and authentication methods.

    `grant` is set for the session of an OAuth client.
    """

    id: UUID
    aal: str
    amr: tuple[Mapping[str, object], ...]
    grant: ClientGrant | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and when it expires, in seconds of the Unix epoch."""

    text: str
    expires_at: int


class AccessTokens:
    """Issues and verifies access tokens; verified tokens are cached until they expire."""

    def __init__(
        self,
        secret: str,
        *,
        issuer: str,
        ttl_s: int,
        other_issuers: Collection[str] = (),
        clock: Clock = utc_now,
    ) -> None:
        self._key = OctKey.import_key(secret.encode())
        self._issuer = issuer
        self._issuers = frozenset((issuer, *other_issuers))
        self.ttl_s = ttl_s
        self._clock = clock
        self._cache: dict[bytes, Actor] = {}

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
            **(session.grant.claims if session.grant else {}),
        }
        text = jws.serialize_compact(_HEADER, orjson.dumps(claims), self._key, ["HS256"])
        return AccessToken(text, issued_at + self.ttl_s)

    def verify(self, text: str) -> Actor:
        """Return the actor of a token; UnauthenticatedError if it is forged, expired, oversized or not ours."""
        now = self._clock().timestamp()
        # Cached by digest: a token is a kilobyte, and thousands are cached.
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        cached = self._cache.get(digest)
        if cached is not None and (cached.expires_at is None or cached.expires_at > now):
            return cached
        claims = self._decode(text, now)
        actor = self._actor_from_claims(claims)
        if len(self._cache) >= _CACHE_SIZE:
            # Evict the oldest: dictionaries keep the order of insertion.
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = actor
        return actor

    def _decode(self, text: str, now: float) -> dict[str, Any]:
        if len(text) > MAX_TOKEN_BYTES or not text.isascii() or not _has_expected_header(text):
            raise UnauthenticatedError()
        registry = JWTClaimsRegistry(now=int(now), leeway=_MAX_CLOCK_SKEW_S)
        try:
            claims = orjson.loads(jws.deserialize_compact(text, self._key, ["HS256"]).payload)
            if not isinstance(claims, dict):
                raise UnauthenticatedError()
            registry.validate(claims)
        except (JoseError, ValueError):
            raise UnauthenticatedError() from None
        # The leeway is for a clock that is ahead, never for a token that has expired.
        if claims.get("exp") is not None and claims["exp"] <= now:
            raise UnauthenticatedError()
        return claims

    def _actor_from_claims(self, claims: dict[str, Any]) -> Actor:
        role = claims.get("role")
        exp = claims.get("exp")
        expires_at = None if exp is None else float(exp)
        if role in _SERVICE_ROLES:
            return _service_actor(claims, expires_at)
        if expires_at is None:
            raise UnauthenticatedError()
        if claims.get("sub") is None and role == ActorKind.ANONYMOUS.value:
            return replace(ANONYMOUS, expires_at=expires_at)
        return self._person(claims, expires_at)

    def _person(self, claims: dict[str, Any], expires_at: float) -> Actor:
        """Return the user of a person's token; UnauthenticatedError for the token of another issuer."""
        subject = claims.get("sub")
        user_id = parse_uuid(subject) if isinstance(subject, str) else None
        audience = claims.get("aud", AUDIENCE)
        if (
            user_id is None
            or claims.get("role") != ActorKind.USER.value
            or not self._is_issuer(claims.get("iss"))
            or AUDIENCE not in ([audience] if isinstance(audience, str) else audience)
        ):
            raise UnauthenticatedError()
        metadata = claims.get("app_metadata")
        is_admin = isinstance(metadata, dict) and metadata.get("role") == "admin"
        return Actor(
            ActorKind.USER,
            user_id,
            _session_id(claims),
            _claims_json(claims),
            is_admin=is_admin,
            expires_at=expires_at,
        )

    def _is_issuer(self, issuer: object) -> bool:
        """Whether a person's token may have this `iss` (RFC 8725 §3.8); API keys may have any, or none."""
        return isinstance(issuer, str) and issuer in self._issuers


def _has_expected_header(text: str) -> bool:
    """Whether the header is one that we sign with, and has no critical extensions (RFC 8725 §3.1)."""
    header_text, _, rest = text.partition(".")
    if rest.count(".") != 1:
        return False
    try:
        header = orjson.loads(urlsafe_b64decode(header_text.encode()))
    except (ValueError, binascii.Error):
        return False
    return isinstance(header, dict) and header.get("alg") == "HS256" and header.keys() <= {"alg", "typ", "kid"}


def _service_actor(claims: dict[str, Any], expires_at: float | None) -> Actor:
    """Return the holder of a service key.

    A `sub`, which hand-made keys may contain, names nobody here: `auth.uid()` would read it as the id of a user.
    """
    named_claims = {name: value for name, value in claims.items() if name != "sub"}
    claims_json = _claims_json({**named_claims, "role": ActorKind.SERVICE.value})
    return Actor(ActorKind.SERVICE, claims=claims_json, expires_at=expires_at)


def _session_id(claims: dict[str, Any]) -> UUID | None:
    value = claims.get("session_id")
    if value is None:
        return None
    session_id = parse_uuid(value) if isinstance(value, str) else None
    if session_id is None:
        raise UnauthenticatedError()
    return session_id


def _claims_json(claims: dict[str, Any]) -> str:
    """Return the claims as JSON for PostgreSQL, whose `jsonb` cannot contain NUL."""
    if contains_nul(claims):
        raise UnauthenticatedError()
    return orjson.dumps(claims).decode()

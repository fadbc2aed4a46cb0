"""Access tokens: issues JSON Web Tokens (RFC 7519, HS256) and verifies them."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from monynha.core.actor import Actor, ActorKind
from monynha.core.clock import Clock, utc_now
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.tokens.api_tokens import START as API_TOKEN_START
from monynha.domains.auth.tokens.api_tokens import ApiTokenCodec
from monynha.domains.auth.tokens.token_actors import AUDIENCE, actor_of_api_token, actor_of_claims

MAX_TOKEN_BYTES = 8192
_HEADER = {"alg": "HS256", "typ": "JWT"}
_CACHE_SIZE = 16_384
_MAX_CLOCK_SKEW_S = 30
"""How far another replica's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a token states about its session: its id, assurance level and authentication methods."""

    id: UUID
    aal: str
    amr: tuple[Mapping[str, object], ...]


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
        on_api_token: Callable[[UUID], None] | None = None,
    ) -> None:
        self._key = OctKey.import_key(secret.encode())
        self._issuer = issuer
        self._issuers = frozenset((issuer, *other_issuers))
        self.ttl_s = ttl_s
        self._clock = clock
        self.api_tokens = ApiTokenCodec(secret)
        self._on_api_token = on_api_token
        self._cache: dict[bytes, Actor] = {}

    def issue(
        self, account: Account, session: SessionClaims, *, limiting_claims: Mapping[str, object] | None = None
    ) -> AccessToken:
        """Return a new token for the session, limited by the claims `scopes` and `project_ids` if they are given.

        `limiting_claims` may hold further claims that say for whom it is limited, as `client_id`.
        """
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
            **(limiting_claims or {}),
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
            if cached.limits is not None:
                self._report_use(cached)
            return cached
        actor = self._authenticate(text, now)
        if len(self._cache) >= _CACHE_SIZE:
            # Evict the oldest: dictionaries keep the order of insertion.
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = actor
        self._report_use(actor)
        return actor

    def _report_use(self, actor: Actor) -> None:
        is_api_token = actor.limits is not None and actor.limits.is_api_token
        if is_api_token and actor.session_id is not None and self._on_api_token is not None:
            self._on_api_token(actor.session_id)

    def _authenticate(self, text: str, now: float) -> Actor:
        if text.startswith(API_TOKEN_START):
            token = self.api_tokens.decode(text)
            if token is None or (token.expires_at is not None and token.expires_at <= now):
                raise UnauthenticatedError()
            return actor_of_api_token(token, self._issuer)
        claims = self._decode(text, now)
        return actor_of_claims(claims, is_issuer_accepted=self._is_issuer(claims.get("iss")))

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

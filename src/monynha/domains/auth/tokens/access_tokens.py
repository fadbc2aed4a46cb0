"""Access tokens: issues JSON Web Tokens (RFC 7519) and tells whom a bearer token of any kind stands for."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.clock import Clock, utc_now
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.tokens.api_keys import PREFIX as API_KEY_PREFIX
from monynha.domains.auth.tokens.api_keys import publishable_key, secret_key
from monynha.domains.auth.tokens.api_tokens import START as API_TOKEN_START
from monynha.domains.auth.tokens.api_tokens import ApiTokenCodec
from monynha.domains.auth.tokens.foreign_issuer import ForeignIssuer
from monynha.domains.auth.tokens.jws import JwsError, JwsHeader, JwsKey, decode_base64url, parse_header, sign_jws
from monynha.domains.auth.tokens.signing_keys import KeySet
from monynha.domains.auth.tokens.token_actors import (
    AUDIENCE,
    SERVICE_ACTOR,
    actor_of_api_token,
    actor_of_claims,
    actor_of_foreign_claims,
)

MAX_TOKEN_BYTES = 8192
_CACHE_SIZE = 16_384
_HEADER_CACHE_SIZE = 100
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
    """Issues and verifies access tokens; verified tokens are cached until they expire.

    Every kind of bearer is verified here: access tokens, those of a foreign issuer, API tokens and API keys.
    """

    def __init__(
        self,
        secret: str,
        *,
        issuer: str,
        ttl_s: int,
        other_issuers: Collection[str] = (),
        clock: Clock = utc_now,
        keys: KeySet | None = None,
        foreign_issuer: ForeignIssuer | None = None,
        on_api_token: Callable[[UUID], None] | None = None,
    ) -> None:
        self.keys = keys or KeySet(secret)
        self.foreign_issuer = foreign_issuer
        self._issuer = issuer
        self._issuers = frozenset((issuer, *other_issuers))
        self.ttl_s = ttl_s
        self._clock = clock
        self.api_tokens = ApiTokenCodec(secret)
        self._api_keys = ((publishable_key(secret), ANONYMOUS), (secret_key(secret), SERVICE_ACTOR))
        self._on_api_token = on_api_token
        self._cache: dict[bytes, Actor] = {}
        self._headers: dict[bytes, JwsHeader] = {}

    def issue(
        self, account: Account, session: SessionClaims, *, limiting_claims: Mapping[str, object] | None = None
    ) -> AccessToken:
        """Return a new token for the session, limited by the claims `scopes` and `project_ids` if they are given.

        `limiting_claims` may hold further claims that say for whom it is limited, as `client_id`.
        """
        now = self._clock()
        issued_at = int(now.timestamp())
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
        key, kid = self.keys.signer(now)
        return AccessToken(sign_jws(claims, key, kid), issued_at + self.ttl_s)

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

    def forget_verified(self) -> None:
        """Verify every token anew: a key was revoked."""
        self._cache.clear()

    def _authenticate(self, text: str, now: float) -> Actor:
        if text.startswith(API_TOKEN_START):
            token = self.api_tokens.decode(text)
            if token is None or (token.expires_at is not None and token.expires_at <= now):
                raise UnauthenticatedError()
            return actor_of_api_token(token, self._issuer)
        if text.startswith(API_KEY_PREFIX):
            return self._actor_of_api_key(text)
        if len(text) > MAX_TOKEN_BYTES or not text.isascii() or text.count(".") != 2:
            raise UnauthenticatedError()
        try:
            return self._actor_of_jws(text.encode(), now)
        except JwsError:
            raise UnauthenticatedError() from None

    def _actor_of_api_key(self, text: str) -> Actor:
        for key, actor in self._api_keys:
            if text.isascii() and hmac.compare_digest(text, key):
                return actor
        raise UnauthenticatedError()

    def _actor_of_jws(self, text: bytes, now: float) -> Actor:
        signed, _, signature = text.rpartition(b".")
        encoded_header, _, encoded_claims = signed.partition(b".")
        key, is_foreign = self._find_key(self._parse_header(encoded_header))
        key.verify(signed, signature)
        claims = _parse_claims(encoded_claims, now)
        issuer = claims.get("iss")
        if is_foreign:
            assert self.foreign_issuer is not None  # it has the key
            if issuer != self.foreign_issuer.issuer:
                raise UnauthenticatedError()
            return actor_of_foreign_claims(claims, creates_account=self.foreign_issuer.creates_accounts)
        return actor_of_claims(claims, is_issuer_accepted=isinstance(issuer, str) and issuer in self._issuers)

    def _parse_header(self, encoded: bytes) -> JwsHeader:
        """Return the header of a token; there are few, so that each is parsed once."""
        header = self._headers.get(encoded)
        if header is None:
            header = parse_header(encoded)
            if len(self._headers) >= _HEADER_CACHE_SIZE:
                self._headers.clear()
            self._headers[encoded] = header
        return header

    def _find_key(self, header: JwsHeader) -> tuple[JwsKey, bool]:
        """Return the key that a header names, and whether it is the foreign issuer's.

        Our own keys come first, so that nobody's key set replaces them. A token of HS256 may name a key that is none
        of ours: tools write what they like there, and JWT_SECRET is the only secret without an id.
        """
        key: JwsKey | None = None
        is_foreign = False
        if header.kid is not None:
            key = self.keys.find(header.kid, self._clock())
            if key is None and self.keys.has(header.kid):
                raise JwsError("the key is not accepted any more")
            if key is None and self.foreign_issuer is not None and header.algorithm != "HS256":
                key = self.foreign_issuer.find(header.kid)
                is_foreign = key is not None
        if key is None and header.algorithm == "HS256":
            key = self.keys.secret
        if key is None or key.algorithm != header.algorithm:
            raise JwsError("no such key")
        return key, is_foreign


def _parse_claims(encoded: bytes, now: float) -> dict[str, Any]:
    """Return the claims of a verified token; UnauthenticatedError if it has expired or is not valid yet."""
    try:
        claims = orjson.loads(decode_base64url(encoded))
    except orjson.JSONDecodeError:
        raise UnauthenticatedError() from None
    if not isinstance(claims, dict):
        raise UnauthenticatedError()
    for name in ("exp", "nbf", "iat"):
        time = claims.get(name)
        if time is None:
            continue
        if not isinstance(time, int | float) or isinstance(time, bool):
            raise UnauthenticatedError()
        # The leeway is for a clock that is ahead, never for a token that has expired.
        if (time <= now) if name == "exp" else (time > now + _MAX_CLOCK_SKEW_S):
            raise UnauthenticatedError()
    return claims

"""Signed URLs: tokens that let whoever holds them read one object, or upload one, as the person who signed.

A token names its signer and their session, and its use is a statement of that actor: who is removed from a project,
banned or signed out, ends the links they made. Tokens are signed with a key of their own, derived from JWT_SECRET, so
that none of them is ever an access token, nor the other way round.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from monynha.core.actor import ANONYMOUS, Actor, ActorKind, TokenLimits, encode_claims
from monynha.core.clock import Clock
from monynha.core.serialization import parse_uuid
from monynha.domains.storage.errors import InvalidJwtError, InvalidSignatureError

UPLOAD_TTL_S = 2 * 3600
MAX_TTL_S = 100 * 365 * 86400
_MAX_TOKEN_BYTES = 8192
_HEADER = {"alg": "HS256", "typ": "JWT"}
_SERVICE = "service"
Scope = Literal["download", "upload"]


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """What a token allows: an object by bucket and name, as whom, until when (Unix seconds)."""

    scope: Scope
    path: str
    actor: Actor
    expires_at: int
    is_upsert: bool = False
    transformations: str = ""
    """The image transformation that a download is limited to, as its query string."""


class UrlSigner:
    """Issues and verifies the tokens of signed URLs."""

    def __init__(self, jwt_secret: str, clock: Clock) -> None:
        derived_key = hmac.new(jwt_secret.encode(), b"storage: signed URLs", sha256).digest()
        self._key = OctKey.import_key(derived_key)
        self._clock = clock

    def sign_download(self, actor: Actor, path: str, ttl_s: int, *, transformations: str = "") -> str:
        """Return a token to read the object `bucket/name`."""
        claims: dict[str, object] = {"transformations": transformations} if transformations else {}
        return self._sign("download", actor, path, ttl_s, claims)

    def sign_upload(self, actor: Actor, path: str, *, is_upsert: bool) -> str:
        """Return a token to upload the object `bucket/name`, valid for two hours."""
        return self._sign("upload", actor, path, UPLOAD_TTL_S, {"upsert": is_upsert})

    def _sign(self, scope: Scope, actor: Actor, path: str, ttl_s: int, claims: dict[str, object]) -> str:
        now = int(self._clock().timestamp())
        owner = _SERVICE if actor.kind is ActorKind.SERVICE else None if actor.id is None else str(actor.id)
        payload = {
            **claims,
            "url": path,
            "scope": scope,
            "owner": owner,
            "session": None if actor.session_id is None else str(actor.session_id),
            **({"limits": actor.limiting_claims} if actor.limits is not None else {}),
            "iat": now,
            "exp": now + ttl_s,
        }
        return jws.serialize_compact(_HEADER, orjson.dumps(payload), self._key, ["HS256"])

    def verify(self, token: str, scope: Scope, path: str | None = None) -> SignedUrl:
        """Return what a token allows; raise InvalidJwtError if it is forged or expired.

        Raises InvalidSignatureError if it is for another scope or object.
        """
        claims = self._claims(token)
        if claims.get("scope") != scope:
            raise InvalidSignatureError(f"Token is not scoped for {scope}")
        if path is not None and claims.get("url") != path:
            raise InvalidSignatureError()
        return SignedUrl(
            scope,
            str(claims.get("url")),
            _signer(claims),
            int(str(claims["exp"])),
            is_upsert=claims.get("upsert") is True,
            transformations=str(claims.get("transformations") or ""),
        )

    def _claims(self, token: str) -> dict[str, object]:
        if not token.isascii() or len(token) > _MAX_TOKEN_BYTES or token.count(".") != 2:
            raise InvalidJwtError("Invalid Compact JWS")
        try:
            claims = orjson.loads(jws.deserialize_compact(token, self._key, ["HS256"]).payload)
        except (JoseError, ValueError):
            raise InvalidJwtError("signature verification failed") from None
        if not isinstance(claims, dict) or not isinstance(claims.get("exp"), int):
            raise InvalidJwtError()
        if claims["exp"] <= self._clock().timestamp():
            raise InvalidJwtError('"exp" claim timestamp check failed')
        return claims


def _signer(claims: dict[str, object]) -> Actor:
    """Return the actor who signed."""
    owner = claims.get("owner")
    if owner == _SERVICE:
        return Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')
    user_id = parse_uuid(owner) if isinstance(owner, str) else None
    if user_id is None:
        return ANONYMOUS
    session = claims.get("session")
    session_id: UUID | None = parse_uuid(session) if isinstance(session, str) else None
    limiting_claims = claims.get("limits")
    actor_claims = {"sub": str(user_id), "role": ActorKind.USER.value}
    if not isinstance(limiting_claims, dict):
        return Actor(ActorKind.USER, user_id, session_id, orjson.dumps(actor_claims).decode())
    limits = TokenLimits.from_claims(limiting_claims)
    return Actor(ActorKind.USER, user_id, session_id, encode_claims({**actor_claims, **limiting_claims}), limits=limits)

"""File tokens: what a browser's cookie for files holds, to read files as a session may, and nothing else.

Signed with a key of their own, derived from JWT_SECRET, so that none of them is ever an access token, nor the other
way round. Every use is a statement of the session's actor: a session that has ended ends its file tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from monynha.core.actor import Actor, ActorKind
from monynha.core.clock import Clock
from monynha.core.errors import UnauthenticatedError
from monynha.core.hashes import derive_key
from monynha.core.serialization import parse_uuid

FILE_TOKEN_TTL_S = 24 * 3600
"""Longer than an access token: a tab that was asleep shows its pictures before it has refreshed the session."""
_PURPOSE = b"monynha file token"
_MAX_TOKEN_BYTES = 1024
_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True)
class FileTokens:
    """Issues and verifies file tokens."""

    secret: str = field(repr=False)
    clock: Clock

    def issue(self, actor: Actor, aal: str) -> str:
        """Return a new token for the session of an actor."""
        issued_at = int(self.clock().timestamp())
        payload = {
            "sub": str(actor.id),
            "session_id": str(actor.session_id),
            "aal": aal,
            "iat": issued_at,
            "exp": issued_at + FILE_TOKEN_TTL_S,
        }
        return jws.serialize_compact(_HEADER, orjson.dumps(payload), self._key, ["HS256"])

    def verify(self, text: str) -> Actor:
        """Return the actor of a token; UnauthenticatedError if it is forged or expired."""
        if not text.isascii() or len(text) > _MAX_TOKEN_BYTES or text.count(".") != 2:
            raise UnauthenticatedError()
        try:
            payload = orjson.loads(jws.deserialize_compact(text, self._key, ["HS256"]).payload)
        except (JoseError, ValueError):
            raise UnauthenticatedError() from None
        user_id, session_id = parse_uuid(payload["sub"]), parse_uuid(payload["session_id"])
        if user_id is None or session_id is None or payload["exp"] <= self.clock().timestamp():
            raise UnauthenticatedError()
        claims = {
            "sub": str(user_id),
            "role": ActorKind.USER.value,
            "session_id": str(session_id),
            "aal": payload["aal"],
        }
        return Actor(
            ActorKind.USER, user_id, session_id, orjson.dumps(claims).decode(), expires_at=float(payload["exp"])
        )

    @cached_property
    def _key(self) -> OctKey:
        return OctKey.import_key(derive_key(self.secret, _PURPOSE))

"""Refresh tokens: a session id and a counter, signed, so that the database stores nothing usable."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from monynha.core.hashes import derive_key

_PURPOSE = b"monynha refresh token"
_COUNTER_BYTES = 4
_SIGNED_BYTES = 16 + _COUNTER_BYTES
_MAC_BYTES = 16
_TEXT_LENGTH = 48
MAX_ROTATIONS = 64


class RefreshDecision(Enum):
    """What to do with a refresh token that a client presents."""

    ROTATE = "current: replace it by the next one"
    REPEAT = "replaced recently: return the current one again"
    REUSED = "replaced long ago: somebody has a copy"
    UNKNOWN = "never issued"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The session of a refresh token, and the number of the token within it."""

    session_id: UUID
    counter: int


class RefreshTokenCodec:
    """Encodes and decodes refresh tokens; the same session and counter always give the same text."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _PURPOSE)

    def encode(self, token: RefreshToken) -> str:
        """Return the token's text."""
        signed = token.session_id.bytes + token.counter.to_bytes(_COUNTER_BYTES)
        return urlsafe_b64encode(signed + self._mac(signed)).decode()

    def decode(self, text: str) -> RefreshToken | None:
        """Return the content of a token; None unless `encode` wrote it with this secret."""
        if len(text) != _TEXT_LENGTH or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text)
        except ValueError:
            return None
        signed, mac = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
        if not hmac.compare_digest(mac, self._mac(signed)):
            return None
        return RefreshToken(UUID(bytes=signed[:16]), int.from_bytes(signed[16:]))

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, hashlib.sha256)[:_MAC_BYTES]


def decide_refresh(
    presented: int,
    current: int,
    rotated_at: Sequence[datetime],
    *,
    now: datetime,
    reuse_interval_s: int,
    tolerates_parent: bool = True,
) -> RefreshDecision:
    """Decide about the token with the number `presented`.

    `rotated_at` holds when the counter reached its last values, newest first. The direct parent stays valid
    until its child is used, since then the counter moves on: a response that is lost signs nobody out.
    Any other is valid for the interval after its own replacement: two browser tabs that refresh at once.
    Without `tolerates_parent` that interval counts for the direct parent too.
    """
    age = current - presented
    if age == 0:
        return RefreshDecision.ROTATE
    if age < 0:
        return RefreshDecision.UNKNOWN
    if age == 1 and tolerates_parent:
        return RefreshDecision.REPEAT
    if age <= len(rotated_at) and now - rotated_at[age - 1] <= timedelta(seconds=reuse_interval_s):
        return RefreshDecision.REPEAT
    return RefreshDecision.REUSED

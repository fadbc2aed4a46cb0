"""Device tokens: show that somebody signed in to an account on a device before (OWASP, "device cookies").

They let nobody in. Attempts of a known device are counted apart, so that failures of others, even at the same address,
do not lock the person out who has been there before. Whether the owner of an account is told of a new device is decided
by `auth.known_devices`, which needs no cookie (`services/sessions.py`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from monynha.core.clock import Clock
from monynha.core.hashes import derive_key
from monynha.domains.auth.emails.email_address import canonical_address

LIFETIME = timedelta(days=400)
"""As long as browsers keep a cookie at most (RFC 6265bis §5.5)."""
MAX_TOKENS = 5
"""How many accounts one device remembers."""
_PURPOSE = b"monynha device token"
_NONCE_BYTES = _MAC_BYTES = 16
_TIME_BYTES = 5


@dataclass(frozen=True)
class DeviceTokens:
    """Issues and recognizes tokens; each is valid for one account only, and names none."""

    secret: str
    clock: Clock

    def add(self, known_tokens: str, account: str) -> str:
        """Return the tokens of a device with one for the account, the newest first."""
        others = [token for token in _split(known_tokens) if self._device_id(token, account) is None]
        body = secrets.token_bytes(_NONCE_BYTES) + int(self.clock().timestamp()).to_bytes(_TIME_BYTES)
        token = base64.urlsafe_b64encode(body + self._mac(body, account)).rstrip(b"=").decode()
        return ".".join([token, *others][:MAX_TOKENS])

    def find(self, known_tokens: str, account: str) -> str | None:
        """Return an id of the device if one of its tokens is valid for the account."""
        ids = [self._device_id(token, account) for token in _split(known_tokens)]
        return next((device_id for device_id in ids if device_id is not None), None)

    def _device_id(self, token: str, account: str) -> str | None:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        body, mac = raw[: _NONCE_BYTES + _TIME_BYTES], raw[_NONCE_BYTES + _TIME_BYTES :]
        if not hmac.compare_digest(mac, self._mac(body, account)):
            return None
        issued_at_s = int.from_bytes(body[_NONCE_BYTES:])
        if self.clock().timestamp() >= issued_at_s + LIFETIME.total_seconds():
            return None
        return body[:_NONCE_BYTES].hex()

    def _mac(self, body: bytes, account: str) -> bytes:
        key = derive_key(self.secret, _PURPOSE)
        return hmac.digest(key, body + canonical_address(account).encode("utf-8", "surrogatepass"), hashlib.sha256)[
            :_MAC_BYTES
        ]


def _split(known_tokens: str) -> list[str]:
    return [token for token in known_tokens.split(".") if token][:MAX_TOKENS]

"""Time-based one-time passwords (RFC 6238) with SHA-1, six digits and 30 seconds, as authenticator apps expect."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from datetime import datetime
from hashlib import sha1
from urllib.parse import quote, urlencode

import segno

PERIOD_S = 30
_SKEW = 1
"""How many periods a clock may be ahead or behind (RFC 6238 §5.2)."""
_DIGITS = 6
_SECRET_BYTES = 20
_QUIET_ZONE = 4
"""The margin of a QR code, in modules (ISO/IEC 18004)."""


def new_secret() -> bytes:
    """Return a random secret of the length of the hash (RFC 4226 §4)."""
    return secrets.token_bytes(_SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Return a secret as authenticator apps take it: base32."""
    return b32encode(secret).decode()


def code_at(secret: bytes, time_step: int) -> str:
    """Return the code of a time step (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, time_step.to_bytes(8), sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def matching_step(secret: bytes, code: str, now: datetime, *, after: int | None) -> int | None:
    """Return the time step whose code was entered; None for a wrong code and for one that was accepted before.

    `after` is the last step whose code was accepted: no code is valid twice, nor after a later one.
    """
    current = int(now.timestamp()) // PERIOD_S
    entered = code.encode("utf-8", "surrogatepass")
    matches = [
        step
        for step in range(current - _SKEW, current + _SKEW + 1)
        # Each is compared, so that the time does not tell which one is near.
        if hmac.compare_digest(code_at(secret, step).encode(), entered)
    ]
    valid = [step for step in matches if after is None or step > after]
    return max(valid, default=None)


def provisioning_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """Return the URI that an authenticator app reads from the QR code."""
    query = {
        "algorithm": "SHA1",
        "digits": str(_DIGITS),
        "issuer": issuer,
        "period": str(PERIOD_S),
        "secret": secret_text(secret),
    }
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(account, safe='@')}?{urlencode(query, quote_via=quote)}"


def qr_code_svg(text: str) -> str:
    """Return a QR code as an SVG document.

    Official clients put it behind `data:image/svg+xml;utf-8,` as it is, where a `#` would end it: so no hex colours.
    """
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    size = len(rows) + 2 * _QUIET_ZONE
    modules = "".join(
        f"M{x + _QUIET_ZONE} {y + _QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{4 * size}" height="{4 * size}" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="white"/>'
        f'<path d="{modules}" fill="black"/></svg>'
    )

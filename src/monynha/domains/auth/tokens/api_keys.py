"""API keys of the new form: `sb_publishable_…` for clients, `sb_secret_…` for servers.

They are derived from JWT_SECRET, as the classic ones are signed with it, so that all processes know them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

PREFIX = "sb_"
_RANDOM_BYTES = 18
_CHECKSUM_BYTES = 6


def publishable_key(secret: str) -> str:
    """Return the key of nobody, in place of the classic `anon` key."""
    return _make_key(secret, "publishable")


def secret_key(secret: str) -> str:
    """Return the key that bypasses all rights, in place of the classic `service_role` key."""
    return _make_key(secret, "secret")


def _make_key(secret: str, kind: str) -> str:
    mac = hmac.digest(secret.encode(), f"monynha API key: {kind}".encode(), hashlib.sha256)
    unchecked = f"{PREFIX}{kind}_{_encode(mac[:_RANDOM_BYTES])}"
    # The part after the last underscore tells scanners of source code that it is one.
    return f"{unchecked}_{_encode(hashlib.sha256(unchecked.encode()).digest()[:_CHECKSUM_BYTES])}"


def _encode(raw: bytes) -> str:
    # Without the two characters of base64url that are no letters, which would end a word when it is selected.
    return urlsafe_b64encode(raw).decode().rstrip("=").replace("-", "x").replace("_", "y")

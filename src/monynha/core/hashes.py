"""Hashes: keys that are derived from the program's secret, and what is stored of random tokens."""

from __future__ import annotations

import hashlib
import hmac


def derive_key(secret: str, purpose: bytes) -> bytes:
    """Return the key of a purpose, 32 bytes (the expansion of RFC 5869): it tells nothing of the secret or other keys.

    The purpose of a key is never changed: what it has signed or encrypted would be void.
    """
    return hmac.digest(secret.encode(), purpose, hashlib.sha256)


def hash_token(token: str) -> str:
    """Return what is stored of a token, SHA-256 in hexadecimal digits.

    It has no salt and costs nothing, so it protects only what is random and too long to be tried out.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""Sealing: encrypts what is handed over once, with a key that comes from the code it is fetched with.

The code is stored as a hash only, so nobody who reads the database can open what is sealed (AES-256-GCM).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PURPOSE = b"monynha sealed values"
# Each code is random and seals once, so its key never meets the nonce again.
_NONCE = bytes(12)


def seal(values: Mapping[str, str], code: str) -> bytes:
    """Return the values encrypted for the holder of a code that is random and used once."""
    return AESGCM(_key(code)).encrypt(_NONCE, orjson.dumps(dict(values)), None)


def unseal(sealed: bytes, code: str) -> dict[str, str]:
    """Return what `seal` has encrypted for the code."""
    values: dict[str, str] = orjson.loads(AESGCM(_key(code)).decrypt(_NONCE, sealed, None))
    return values


def _key(code: str) -> bytes:
    return hmac.digest(_PURPOSE, code.encode(), hashlib.sha256)

"""Encrypts small secrets that are stored and must be readable again: TOTP secrets, private keys (AES-256-GCM)."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from monynha.core.hashes import derive_key

_FORMAT = b"\x01"
_NONCE_BYTES = 12


class SecretBox:
    """Seals secrets with a key that is derived from the program's secret, which the database does not know.

    `purpose` names what is sealed: what one box seals, no box of another purpose opens.
    """

    def __init__(self, secret: str, purpose: bytes) -> None:
        self._cipher = AESGCM(derive_key(secret, purpose))

    def seal(self, plaintext: bytes, row_id: bytes) -> bytes:
        """Return the secret encrypted; it opens for the row with that id alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, row_id)

    def open(self, sealed: bytes | None, row_id: bytes) -> bytes | None:
        """Return a sealed secret; None if it was sealed for another row, with another key, or is damaged."""
        if not sealed or sealed[:1] != _FORMAT:
            return None
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, row_id)
        except (InvalidTag, ValueError):
            return None

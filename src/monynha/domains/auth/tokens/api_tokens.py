"""API tokens: the text of one states whose it is and what it allows, so that reading it needs no query.

`mnt_<8 characters>_<66 characters><6 characters>` in base 62: a prefix by which its owner recognizes it, the content
with its MAC, and a checksum (CRC-32) by which scanners of source code tell a token from other text. Whether a token is
still valid is decided by its row, in the statement that uses it (`auth.set_actor`); its text is stored nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from monynha.core.hashes import derive_key

START = "mnt_"
"""With which every API token begins."""

_PURPOSE = b"monynha API token"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_RANDOM_PREFIX_LENGTH = 8
_PREFIX_LENGTH = len(START) + _RANDOM_PREFIX_LENGTH
_SECRET_BYTES = 16
_MAC_BYTES = 12
_SIGNED_BYTES = 1 + 16 + 4 + _SECRET_BYTES
_CONTENT_BYTES = _SIGNED_BYTES + _MAC_BYTES
_CONTENT_LENGTH = 66
_CHECKSUM_LENGTH = 6
_LENGTH = _PREFIX_LENGTH + 1 + _CONTENT_LENGTH + _CHECKSUM_LENGTH
_FLAGS = {"read": 1, "write": 2, "admin": 4}
_PROJECT_LIMITED = 8
_AAL2 = 16


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What an API token states: its id, its owner and what it is limited to."""

    id: UUID
    user_id: UUID
    scopes: frozenset[str]
    is_resource_limited: bool
    aal: str
    expires_at: int | None
    """In seconds of the Unix epoch; None if it does not expire."""


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """A token that was just made: its text, which is shown once, and its content."""

    text: str
    content: ApiToken

    @property
    def prefix(self) -> str:
        """How the text begins: what is stored of it."""
        return self.text[:_PREFIX_LENGTH]


class ApiTokenCodec:
    """Makes API tokens and reads them."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _PURPOSE)

    def create(
        self,
        user_id: UUID,
        scopes: Collection[str],
        *,
        is_resource_limited: bool,
        aal: str,
        expires_at: int | None,
    ) -> NewApiToken:
        """Return a new token."""
        prefix = START + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_PREFIX_LENGTH))
        flags = sum(_FLAGS[scope] for scope in set(scopes))
        flags |= (_PROJECT_LIMITED if is_resource_limited else 0) | (_AAL2 if aal == "aal2" else 0)
        signed = bytes((flags,)) + user_id.bytes + (expires_at or 0).to_bytes(4) + secrets.token_bytes(_SECRET_BYTES)
        content = _encode(int.from_bytes(signed + self._mac(prefix, signed)), _CONTENT_LENGTH)
        unchecked = f"{prefix}_{content}"
        text = unchecked + _checksum(unchecked)
        return NewApiToken(text, _parse(text, signed))

    def decode(self, text: str) -> ApiToken | None:
        """Return the content of a token; None unless `create` made it with this secret."""
        if len(text) != _LENGTH or not text.startswith(START) or text[_PREFIX_LENGTH] != "_" or not text.isascii():
            return None
        if text[-_CHECKSUM_LENGTH:] != _checksum(text[:-_CHECKSUM_LENGTH]):
            return None
        number = _decode(text[_PREFIX_LENGTH + 1 : -_CHECKSUM_LENGTH])
        if number is None or number.bit_length() > _CONTENT_BYTES * 8:
            return None
        content = number.to_bytes(_CONTENT_BYTES)
        signed, mac = content[:_SIGNED_BYTES], content[_SIGNED_BYTES:]
        if not hmac.compare_digest(mac, self._mac(text[:_PREFIX_LENGTH], signed)):
            return None
        return _parse(text, signed)

    def _mac(self, prefix: str, signed: bytes) -> bytes:
        return hmac.digest(self._key, prefix.encode() + signed, hashlib.sha256)[:_MAC_BYTES]


def _parse(text: str, signed: bytes) -> ApiToken:
    flags = signed[0]
    # Version 8 (RFC 9562 §5.8): the other 122 bits are those of the hash.
    id_bytes = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    id_bytes[6] = id_bytes[6] & 0x0F | 0x80
    id_bytes[8] = id_bytes[8] & 0x3F | 0x80
    return ApiToken(
        UUID(bytes=bytes(id_bytes)),
        UUID(bytes=signed[1:17]),
        frozenset(scope for scope, flag in _FLAGS.items() if flags & flag),
        is_resource_limited=bool(flags & _PROJECT_LIMITED),
        aal="aal2" if flags & _AAL2 else "aal1",
        expires_at=int.from_bytes(signed[17:21]) or None,
    )


def _checksum(text: str) -> str:
    return _encode(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _encode(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, value = divmod(number, 62)
        characters.append(_ALPHABET[value])
    return "".join(reversed(characters))


def _decode(text: str) -> int | None:
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number * 62 + value
    return number

"""What a bind looks like on the wire, by its type's OID: a UUID as 16 bytes, all else as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

Encoder = Callable[[object], bytes]
"""Writes a value that is not None; what cannot be written is a TypeError or a UnicodeEncodeError."""

_UUID = 2950
_BYTEA = 17


def is_binary(oid: int) -> bool:
    """Whether values of the type go as PostgreSQL keeps them, and not as text."""
    return oid == _UUID


def encoder_for(oid: int) -> Encoder:
    """Return what writes values of the type."""
    if is_binary(oid):
        return _encode_uuid
    return _encode_bytea if oid == _BYTEA else _encode_text


def _encode_uuid(value: object) -> bytes:
    return (value if isinstance(value, UUID) else UUID(str(value))).bytes


def _encode_bytea(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"No bytes are written for a {type(value).__name__}.")
    return b"\\x" + value.hex().encode()


def _encode_text(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        # Finished JSON.
        return value
    if isinstance(value, list | tuple):
        return ("{" + ",".join(_array_element(one) for one in value) + "}").encode()
    return _format_scalar(value).encode()


def _array_element(value: object) -> str:
    if value is None:
        return "null"
    text = value if isinstance(value, str) else _format_scalar(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _format_scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, int | float | Decimal | UUID):
        return str(value)
    raise TypeError(f"No bind is written for a {type(value).__name__}.")

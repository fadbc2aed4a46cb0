"""The wire format: the messages of PostgreSQL's protocol 3.0 that a query needs, and how binds are encoded.

Source: "Message Formats" in PostgreSQL's manual. Binds travel by the OID of their type: a UUID as 16 bytes,
everything else as text. All results are text, which JSON is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from struct import Struct
from uuid import UUID

import asyncpg

_LENGTH = Struct("!i")
_COUNT = Struct("!h")
_pack_length = _LENGTH.pack
unpack_length = _LENGTH.unpack_from
_unpack_count = _COUNT.unpack_from
_NULL = _pack_length(-1)

_SYNC = b"S\0\0\0\4"
_EXECUTE_AND_SYNC = b"E\0\0\0\x09\0\0\0\0\0" + _SYNC
# No format is named, so every column of the result is text.
_RESULT_FORMATS = _COUNT.pack(0)

_UUID_OID = 2950
_BYTEA_OID = 17

Row = tuple[bytes | None, ...]
"""A row as it arrived: each column is PostgreSQL's text, or None for null."""
Encoder = Callable[[object], bytes]
"""Encodes a value that is not None; raises TypeError or UnicodeEncodeError if it cannot."""

# The first byte of the messages that a response consists of.
DATA_ROW, READY_FOR_QUERY, ERROR_RESPONSE, NOTICE_RESPONSE, PARAMETER_DESCRIPTION = b"DZENt"


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _pack_length(len(body) + 4) + body


def prepare_message(name: bytes, statement: str) -> bytes:
    """Return Parse, Describe and Sync: prepares a statement by that name and asks for its parameter types."""
    text = statement.encode() + b"\0"
    return _message(b"P", name + b"\0" + text + _COUNT.pack(0)) + _message(b"D", b"S" + name + b"\0") + _SYNC


def close_message(name: bytes) -> bytes:
    """Return Close, which frees a prepared statement."""
    return _message(b"C", b"S" + name + b"\0")


class PreparedStatement:
    """A statement that the server knows by a name."""

    __slots__ = ("_encoders", "_head", "_size", "name")

    def __init__(self, name: bytes, parameter_oids: Sequence[int]) -> None:
        self.name = name
        self._encoders = [_encoder_for(oid) for oid in parameter_oids]
        formats = b"".join(_COUNT.pack(oid == _UUID_OID) for oid in parameter_oids)
        count = _COUNT.pack(len(parameter_oids))
        self._head = b"\0" + name + b"\0" + count + formats + count
        self._size = 4 + len(self._head) + len(_RESULT_FORMATS)

    def bind_message(self, binds: Sequence[object]) -> bytes:
        """Return Bind, Execute and Sync: runs the statement once, as a transaction of its own.

        Raises ValueError for a wrong number of binds, and whatever an encoder raises.
        """
        chunks = [b"B", b"", self._head]
        size = self._size
        for encode, value in zip(self._encoders, binds, strict=True):
            if value is None:
                chunks.append(_NULL)
                size += 4
            else:
                encoded = encode(value)
                length = len(encoded)
                chunks += (_pack_length(length), encoded)
                size += 4 + length
        chunks[1] = _pack_length(size)
        chunks += (_RESULT_FORMATS, _EXECUTE_AND_SYNC)
        return b"".join(chunks)


def parse_parameter_oids(data: bytes, offset: int) -> list[int]:
    """Return the OIDs of a ParameterDescription whose body begins at the offset."""
    (count,) = _unpack_count(data, offset)
    return [unpack_length(data, offset + 2 + 4 * index)[0] for index in range(count)]


def parse_row(data: bytes, offset: int) -> Row:
    """Return the columns of a DataRow whose body begins at the offset."""
    (count,) = _unpack_count(data, offset)
    offset += 2
    columns: list[bytes | None] = []
    for _ in range(count):
        (length,) = unpack_length(data, offset)
        offset += 4
        if length < 0:
            columns.append(None)
        else:
            columns.append(data[offset : offset + length])
            offset += length
    return tuple(columns)


def parse_fields(data: bytes, offset: int, end: int) -> dict[str, str]:
    """Return the fields of an ErrorResponse or NoticeResponse by their one-letter codes."""
    fields = data[offset:end].split(b"\0")
    return {chr(field[0]): field[1:].decode("utf-8", "replace") for field in fields if field}


def to_postgres_error(fields: dict[str, str]) -> asyncpg.PostgresError:
    """Return the driver's exception for the fields of an ErrorResponse."""
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error


def _encoder_for(oid: int) -> Encoder:
    if oid == _UUID_OID:
        return _encode_uuid
    return _encode_bytea if oid == _BYTEA_OID else _encode_text


def _encode_uuid(value: object) -> bytes:
    return (value if isinstance(value, UUID) else UUID(str(value))).bytes


def _encode_bytea(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"a {type(value).__name__} cannot be bound as bytea")
    return b"\\x" + value.hex().encode()


def _encode_text(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        # JSON that is encoded already.
        return value
    if isinstance(value, list | tuple):
        return ("{" + ",".join(_array_element(element) for element in value) + "}").encode()
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
    raise TypeError(f"a {type(value).__name__} cannot be bound")

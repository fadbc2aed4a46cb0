"""The messages of PostgreSQL's protocol 3.0 that a question needs ("Message Formats" in its manual)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import asyncpg

from monynha.infra.postgres.pipeline.bind_encoding import encoder_for, is_binary

_LENGTH = Struct("!i")
_COUNT = Struct("!h")
_write_length = _LENGTH.pack
read_length = _LENGTH.unpack_from
_read_count = _COUNT.unpack_from
_NULL = _write_length(-1)

SYNC = b"S\0\0\0\4"
_EXECUTE_AND_SYNC = b"E\0\0\0\x09\0\0\0\0\0" + SYNC
# No result format is named: all of the answer is text, which JSON is.
_RESULT_FORMATS = _COUNT.pack(0)

Row = tuple[bytes | None, ...]
"""A row as it came: each column is PostgreSQL's text, or None."""

# What an answer is made of, by the first byte of each message.
DATA_ROW, READY_FOR_QUERY, ERROR_RESPONSE, NOTICE_RESPONSE, PARAMETER_DESCRIPTION = b"DZENt"


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _write_length(len(body) + 4) + body


def prepare_message(name: bytes, statement: str) -> bytes:
    """Return what prepares a statement by the name and asks which parameters it takes."""
    text = statement.encode() + b"\0"
    return _message(b"P", name + b"\0" + text + _COUNT.pack(0)) + _message(b"D", b"S" + name + b"\0") + SYNC


def close_message(name: bytes) -> bytes:
    """Return what closes a prepared statement."""
    return _message(b"C", b"S" + name + b"\0")


class PreparedStatement:
    """A statement that the server knows by a name."""

    __slots__ = ("_encoders", "_head", "_size", "name")

    def __init__(self, name: bytes, oids: Sequence[int]) -> None:
        self.name = name
        self._encoders = [encoder_for(oid) for oid in oids]
        formats = b"".join(_COUNT.pack(is_binary(oid)) for oid in oids)
        count = _COUNT.pack(len(oids))
        self._head = b"\0" + name + b"\0" + count + formats + count
        self._size = 4 + len(self._head) + len(_RESULT_FORMATS)

    def bind_message(self, binds: Sequence[object]) -> bytes:
        """Return what runs it once, as a transaction of its own."""
        parts = [b"B", b"", self._head]
        size = self._size
        for encode, value in zip(self._encoders, binds, strict=True):
            if value is None:
                parts.append(_NULL)
                size += 4
            else:
                encoded = encode(value)
                length = len(encoded)
                parts += (_write_length(length), encoded)
                size += 4 + length
        parts[1] = _write_length(size)
        parts += (_RESULT_FORMATS, _EXECUTE_AND_SYNC)
        return b"".join(parts)


def parse_parameter_oids(data: bytes, offset: int) -> list[int]:
    """Return the OIDs of a ParameterDescription whose body begins there."""
    (count,) = _read_count(data, offset)
    return [read_length(data, offset + 2 + 4 * index)[0] for index in range(count)]


def parse_row(data: bytes, offset: int) -> Row:
    """Return the columns of a DataRow whose body begins there."""
    (count,) = _read_count(data, offset)
    offset += 2
    columns: list[bytes | None] = []
    for _ in range(count):
        (length,) = read_length(data, offset)
        offset += 4
        if length < 0:
            columns.append(None)
        else:
            columns.append(data[offset : offset + length])
            offset += length
    return tuple(columns)


def parse_fields(data: bytes, offset: int, end: int) -> dict[str, str]:
    """Return the fields of an ErrorResponse or a NoticeResponse, by their letters."""
    parts = data[offset:end].split(b"\0")
    return {chr(one[0]): one[1:].decode("utf-8", "replace") for one in parts if one}


def to_postgres_error(fields: dict[str, str]) -> asyncpg.PostgresError:
    """Return the driver's error of that kind."""
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error

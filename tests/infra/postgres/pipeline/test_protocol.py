"""The wire format: messages as PostgreSQL's manual defines them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from struct import pack
from uuid import UUID

import pytest

from monynha.infra.postgres.pipeline.protocol import (
    PreparedStatement,
    close_message,
    parse_fields,
    parse_parameter_oids,
    parse_row,
    prepare_message,
    to_postgres_error,
)

UUID_OID, BYTEA_OID, TEXT_OID = 2950, 17, 25
EXECUTE_AND_SYNC = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"
ID = UUID(int=5)


def bind_message(formats: bytes, values: bytes) -> bytes:
    body = b"\0name\0" + formats + values + b"\0\0"
    return b"B" + pack("!i", 4 + len(body)) + body


def test_bind_message_states_formats_and_lengths() -> None:
    statement = PreparedStatement(b"name", [UUID_OID, TEXT_OID, TEXT_OID])

    message = statement.bind_message((ID, None, "é"))

    formats = pack("!hhhhh", 3, 1, 0, 0, 3)
    values = pack("!i", 16) + ID.bytes + pack("!i", -1) + pack("!i", 2) + "é".encode()
    assert message == bind_message(formats, values) + EXECUTE_AND_SYNC


@pytest.mark.parametrize(
    ("oid", "value", "expected"),
    [
        (UUID_OID, str(ID), ID.bytes),
        (BYTEA_OID, b"\x00\xff", b"\\x00ff"),
        (TEXT_OID, b'{"a":1}', b'{"a":1}'),
        (TEXT_OID, True, b"true"),
        (TEXT_OID, Decimal("1.50"), b"1.50"),
        (TEXT_OID, date(2026, 1, 31), b"2026-01-31"),
        (TEXT_OID, ['a"b\\', None, 1], b'{"a\\"b\\\\",null,"1"}'),
    ],
)
def test_value_is_encoded_by_the_type_of_its_parameter(oid: int, value: object, expected: bytes) -> None:
    message = PreparedStatement(b"name", [oid]).bind_message((value,))

    formats = pack("!hhh", 1, oid == UUID_OID, 1)
    assert message == bind_message(formats, pack("!i", len(expected)) + expected) + EXECUTE_AND_SYNC


@pytest.mark.parametrize(("oid", "value"), [(BYTEA_OID, "text"), (TEXT_OID, object()), (TEXT_OID, {"a": 1})])
def test_value_of_a_wrong_type_is_rejected(oid: int, value: object) -> None:
    with pytest.raises(TypeError, match="cannot be bound"):
        PreparedStatement(b"name", [oid]).bind_message((value,))


@pytest.mark.parametrize("binds", [(), (1, 2)])
def test_wrong_number_of_binds_is_rejected(binds: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        PreparedStatement(b"name", [TEXT_OID]).bind_message(binds)


def test_statement_is_prepared_and_described_by_its_name() -> None:
    assert prepare_message(b"q1", "select 1") == (
        b"P" + pack("!i", 4 + 3 + 9 + 2) + b"q1\0select 1\0\0\0" + b"D" + pack("!i", 8) + b"Sq1\0" + b"S\0\0\0\4"
    )
    assert close_message(b"q1") == b"C" + pack("!i", 8) + b"Sq1\0"


def test_row_is_parsed_to_text_or_none() -> None:
    body = pack("!hi", 3, 1) + b"a" + pack("!i", -1) + pack("!i", 0)

    assert parse_row(b"....." + body, 5) == (b"a", None, b"")


def test_parameter_types_are_parsed() -> None:
    assert parse_parameter_oids(pack("!hii", 2, TEXT_OID, UUID_OID), 0) == [TEXT_OID, UUID_OID]


def test_error_fields_become_the_drivers_error() -> None:
    body = b"SERROR\0C23505\0Mduplicate \xff\0nkey\0\0"

    error = to_postgres_error(parse_fields(b".." + body + b"tail", 2, 2 + len(body)))

    assert (error.sqlstate, error.constraint_name) == ("23505", "key")

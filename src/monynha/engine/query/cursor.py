"""The cursor codec: the opaque text by which a client requests the next page, encoded in Python and in SQL.

A cursor is base64url without padding (RFC 4648 §5) of the digest of its list, which makes it valid for that list alone,
followed by the sort values of the last row of the page, as a JSON array. REST reads the sort values from the result
and encodes the cursor in Python (`encode_cursor`); where a page is nested in a result, SQL encodes it (`cursor_sql`).
"""

from __future__ import annotations

import base64
import hashlib
import json

from monynha.core.errors import BadRequestError
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.query.parameter import resolve_value
from monynha.engine.query.selection import Order, Selection
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Resource

_DIGEST_BYTES = 8


def list_digest(selection: Selection, source: object = None) -> bytes:
    """Return the digest that identifies a list: its resource, scope, filters and order.

    The source is what the selection's parameters are resolved from, if it has any.
    """
    filters = [
        (condition.operator, condition.fields, str(resolve_value(condition.value, source)))
        for condition in selection.where
    ]
    scope = selection.scope and (selection.scope.resource.plural, str(resolve_value(selection.scope.id, source)))
    identity = repr((selection.resource.plural, scope, filters, selection.order))
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def encode_cursor(selection: Selection, sort_values: bytes, source: object = None) -> str:
    """Return the cursor of the page after the row with these sort values (a JSON array)."""
    return base64.urlsafe_b64encode(list_digest(selection, source) + sort_values).rstrip(b"=").decode()


def cursor_sql(digest: str, sort_values: str) -> str:
    """Return SQL for the cursor, as `encode_cursor` encodes it, from SQL for the digest and the sort values."""
    raw = f"{digest} || convert_to({sort_values}::text, 'UTF8')"
    return rf"translate(encode({raw}, 'base64'), E'+/=\n', '-_')"


def sort_values_sql(page: str, key_count: int, limit: int) -> str:
    """Return SQL for the sort values of a page's last row, from its columns `sort_value0`, `sort_value1` and so on."""
    values = ", ".join(f"(array_agg({page}.sort_value{index}))[{limit}]" for index in range(key_count))
    return f"json_build_array({values})"


def sort_values_hex_sql(sort_values: str) -> str:
    """Return SQL for sort values as hexadecimal digits, in which a result is split without parsing JSON."""
    return f"encode(convert_to({sort_values}::text, 'UTF8'), 'hex')"


def decode_cursor(selection: Selection, cursor: str) -> tuple[object, ...]:
    """Return the sort values after which the page begins; BadRequestError if the cursor is not of this list."""
    error = BadRequestError("The cursor is not valid for this list.", details={"cursor": "is not valid for this list"})
    try:
        raw = _decode_base64url(cursor)
        if raw[:_DIGEST_BYTES] != list_digest(selection):
            raise error
        return _parse_sort_values(selection.resource, selection.order, json.loads(raw[_DIGEST_BYTES:].decode()))
    except (ValueError, RecursionError, TypeError):
        raise error from None


def starts_at_null(cursor: str) -> bool:
    """Whether a cursor's first sort value is null; False for text that is not a cursor."""
    try:
        raw = _decode_base64url(cursor)
    except ValueError:
        return False
    return raw[_DIGEST_BYTES:].startswith(b"[null")


def _decode_base64url(text: str) -> bytes:
    # binascii.Error, for what is not base64, is a ValueError.
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _parse_sort_values(resource: Resource, order: Order, sort_values: object) -> tuple[object, ...]:
    if not isinstance(sort_values, list) or len(sort_values) != 1 + len(resource.primary_key):
        raise ValueError("a cursor holds one sort value and the primary key")
    first_value, *key_values = sort_values
    ids = [parse_uuid(value) for value in key_values]
    if None in ids:
        raise ValueError("a primary key consists of UUIDs")
    field = resource.fields[order.field]
    return (_parse_sort_value(field.rules.type, first_value, is_nullable=field.is_nullable), *ids)


def _parse_sort_value(column_type: ColumnType, value: object, *, is_nullable: bool) -> int | str | None:
    if value is None and is_nullable:
        return None
    # `type(value) is int` excludes booleans.
    if column_type is ColumnType.ENUM and type(value) is int and abs(value) < 1000:
        return value
    if column_type is ColumnType.INTEGER and type(value) is int and abs(value) < 2**63:
        return value
    if column_type is ColumnType.TIMESTAMP and isinstance(value, str):
        return format_timestamp(parse_timestamp(value))
    if column_type is ColumnType.TEXT and isinstance(value, str) and "\x00" not in value:
        value.encode()
        return value
    raise ValueError("the sort value is not of the field's type")

"""Where the next page begins: opaque outside, and good only for the list it came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from monynha.core.errors import BadRequestError
from monynha.core.serialization import format_timestamp, parse_timestamp, parse_uuid
from monynha.engine.query.selection import Order, Selection
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Resource

_DIGEST_BYTES = 8


def list_digest(selection: Selection) -> bytes:
    """Return what tells a list from others, and its cursors with it: resource, parent, filters, order."""
    filters = [(one.operator, one.fields, str(one.value)) for one in selection.where]
    scope = None if selection.scope is None else (selection.scope.resource.plural, str(selection.scope.id))
    identity = repr((selection.resource.plural, scope, filters, selection.order))
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def encode_cursor(selection: Selection, sort_values: bytes) -> str:
    """Return the cursor for the page after the row with those sort values (a JSON list)."""
    return base64.urlsafe_b64encode(list_digest(selection) + sort_values).rstrip(b"=").decode()


def decode_cursor(selection: Selection, text: str) -> tuple[object, ...]:
    """Return the sort values of the row after which the page begins; BadRequest for another list's cursor."""
    error = BadRequestError("The cursor is not of this list.", details={"cursor": "is not of this list"})
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if raw[:_DIGEST_BYTES] != list_digest(selection):
            raise error
        sort_values = json.loads(raw[_DIGEST_BYTES:].decode())
        return _parse_sort_values(selection.resource, selection.order, sort_values)
    except (ValueError, binascii.Error, RecursionError, TypeError):
        raise error from None


def _parse_sort_values(resource: Resource, order: Order, sort_values: Any) -> tuple[object, ...]:
    field = resource.fields[order.field]
    if not isinstance(sort_values, list) or len(sort_values) != 1 + len(resource.primary_key):
        raise ValueError("a cursor holds the sort value and the key")
    first_value, *key_values = sort_values
    ids = [parse_uuid(one) for one in key_values]
    if None in ids:
        raise ValueError("a key is made of UUIDs")
    return (_parse_sort_value(field.rules.type, first_value, is_nullable=field.is_nullable), *ids)


def _parse_sort_value(column_type: ColumnType, value: Any, *, is_nullable: bool) -> int | str | None:
    if value is None and is_nullable:
        return None
    if column_type is ColumnType.ENUM and type(value) is int and abs(value) < 1000:
        return value
    if column_type is ColumnType.INTEGER and type(value) is int and abs(value) < 2**63:
        return value
    if column_type is ColumnType.TIMESTAMP and isinstance(value, str):
        return format_timestamp(parse_timestamp(value))
    if column_type is ColumnType.TEXT and isinstance(value, str) and "\x00" not in value:
        value.encode()
        return value
    raise ValueError("not a value of that sort")


def starts_at_null(text: str) -> bool:
    """Whether a cursor stands among the rows that lack the sort value; what is no cursor does not."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return False
    return raw[_DIGEST_BYTES:].startswith(b"[null")

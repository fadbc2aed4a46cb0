"""Where the next page begins: opaque outside, and good only for the list it came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from monynha.core.errors import BadRequest
from monynha.core.wire import format_instant, parse_instant, parse_uuid
from monynha.engine.model import Kind
from monynha.engine.resource import Resource
from monynha.engine.selection import Order, Selection

_DIGEST_BYTES = 8


def list_mark(selection: Selection) -> bytes:
    """Return what tells a list from others, and its cursors with it: resource, parent, filters, order."""
    where = [(one.operator, one.fields, str(one.value)) for one in selection.where]
    scope = None if selection.scope is None else (selection.scope.resource.plural, str(selection.scope.id))
    told = repr((selection.resource.plural, scope, where, selection.order))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def write_cursor(selection: Selection, marks: bytes) -> str:
    """Return the cursor for the page after the row with those sort values (a JSON list)."""
    return base64.urlsafe_b64encode(list_mark(selection) + marks).rstrip(b"=").decode()


def read_cursor(selection: Selection, text: str) -> tuple[object, ...]:
    """Return the sort values of the row after which the page begins; BadRequest for another list's cursor."""
    fault = BadRequest("The cursor is not of this list.", details={"cursor": "is not of this list"})
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if raw[:_DIGEST_BYTES] != list_mark(selection):
            raise fault
        marks = json.loads(raw[_DIGEST_BYTES:].decode())
        return _values(selection.resource, selection.order, marks)
    except (ValueError, binascii.Error, RecursionError, TypeError):
        raise fault from None


def _values(resource: Resource, order: Order, marks: Any) -> tuple[object, ...]:
    by = resource.fields[order.field]
    if not isinstance(marks, list) or len(marks) != 1 + len(resource.key):
        raise ValueError("a cursor holds the sort value and the key")
    first, *keys = marks
    ids = [parse_uuid(one) for one in keys]
    if None in ids:
        raise ValueError("a key is made of UUIDs")
    return (_value(by.rules.kind, first, is_nullable=by.nullable), *ids)


def _value(kind: Kind, mark: Any, *, is_nullable: bool) -> int | str | None:
    if mark is None and is_nullable:
        return None
    if kind is Kind.CHOICE and type(mark) is int and abs(mark) < 1000:
        return mark
    if kind is Kind.NUMBER and type(mark) is int and abs(mark) < 2**63:
        return mark
    if kind is Kind.INSTANT and isinstance(mark, str):
        return format_instant(parse_instant(mark))
    if kind is Kind.TEXT and isinstance(mark, str) and "\x00" not in mark:
        mark.encode()
        return mark
    raise ValueError("not a value of that sort")


def starts_at_null(text: str) -> bool:
    """Whether a cursor stands among the rows that lack the sort value; what is no cursor does not."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return False
    return raw[_DIGEST_BYTES:].startswith(b"[null")

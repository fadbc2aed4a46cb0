"""The arguments of a list become its selection: how many rows, from where, which, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from monynha.core.errors import BadRequest
from monynha.core.wire import camel, parse_uuid
from monynha.engine.cursor import list_mark, read_cursor
from monynha.engine.narrowing import narrowed
from monynha.engine.resource import Filter, Resource
from monynha.engine.selection import MOST_ROWS, Condition, Order, Selection
from monynha.protocols.graphql.asked import Arguments, Asked, Later, settled
from monynha.protocols.graphql.errors import Path, Refused
from monynha.protocols.graphql.inputs import MOST, is_id

Read = Callable[[Asked], Any]


def listing(resource: Resource, args: Arguments, asked: Asked, path: Path, *, default: int) -> Selection:
    """Return the selection of a list that shows nothing yet; its values are read later."""
    order = args.values.get("orderBy") or Order(resource.newest)
    found = Selection(
        resource,
        (),
        where=tuple(_conditions(resource, args, path)),
        order=order,
        limit=_limit(args.values.get("limit"), default, path),
        offset=_offset(args, path),
    )
    found = replace(found, mark=Later(lambda request: list_mark(_settled(found, request)), path))
    if args.values.get("after") is None:
        return found
    return replace(found, after=_after(found, args.reader("after"), asked, path))


def id_value(read: Read, path: Path) -> Later:
    """Return the id that an argument gives; `me` is the asker, and what is no UUID is nobody's."""

    def value(asked: Asked) -> object:
        text = read(asked)
        return asked.actor.id if text == "me" else parse_uuid(text)

    return Later(value, path)


def _limit(given: int | None, default: int, path: Path) -> int:
    if given is None:
        return default
    if not 1 <= given <= MOST:
        problem = f"must be a whole number from 1 to {MOST}"
        raise Refused.for_fault(BadRequest(f"The limit {problem}.", details={"limit": problem}), path)
    return given


def _offset(args: Arguments, path: Path) -> Later | None:
    if not any(node.name.value == "offset" for node in args.node.arguments or ()):
        return None
    read = args.reader("offset")

    def value(asked: Asked) -> int:
        offset: int = read(asked) or 0
        # Rows that are left out are read too.
        if not 0 <= offset <= MOST_ROWS:
            problem = f"must be a whole number from 0 to {MOST_ROWS}; beyond it, go on with after"
            raise BadRequest(f"The offset {problem}.", details={"offset": problem})
        return offset

    return Later(value, path)


def _conditions(resource: Resource, args: Arguments, path: Path) -> list[Condition]:
    found = []
    parent = resource.parent_column
    if parent is not None and args.values.get(camel(parent.name)) is not None:
        read = args.reader(camel(parent.name))
        found.append(Condition("is", (camel(parent.name),), id_value(read, path)))
    where = args.values.get("where") or {}
    read_where = args.reader("where")
    for one in resource.filters:
        if is_id(resource, one) and args.values.get(one.name) is not None:
            found.append(Condition("is", one.fields, id_value(args.reader(one.name), path)))
        if where.get(one.name) is not None:
            found.append(Condition(one.operator, one.fields, _narrowed(resource, one, read_where, path)))
    return found


def _narrowed(resource: Resource, one: Filter, read: Read, path: Path) -> Later:
    def value(asked: Asked) -> object:
        try:
            return narrowed(resource, one, read(asked)[one.name], asked.actor)
        except ValueError as problem:
            says = f"The filter {one.name} {problem}."
            raise BadRequest(says, details={one.name: str(problem)}) from None

    return Later(value, path)


def _after(selection: Selection, read: Read, asked: Asked, path: Path) -> tuple[object, ...]:
    """Return the sort values of the cursor; which of them are null is of the shape."""

    def marks(request: Asked) -> tuple[object, ...]:
        return read_cursor(_settled(selection, request), read(request))

    now = Later(lambda request: marks(request), path).of(asked)
    assert isinstance(now, tuple)
    return tuple(None if one is None else Later(_nth(marks, index), path) for index, one in enumerate(now))


def _nth(marks: Callable[[Asked], tuple[object, ...]], index: int) -> Read:
    return lambda asked: marks(asked)[index]


def _settled(selection: Selection, asked: Asked) -> Selection:
    where = tuple(replace(one, value=settled(one.value, asked)) for one in selection.where)
    return replace(selection, where=where)

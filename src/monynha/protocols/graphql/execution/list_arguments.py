"""The arguments of a list become its selection: how many rows, from where, which, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_uuid, to_camel_case
from monynha.engine.query.cursor import decode_cursor, list_digest
from monynha.engine.query.filters import parse_filter
from monynha.engine.query.selection import MAX_ROWS, Condition, Order, Selection
from monynha.engine.schema.resource import Filter, Resource
from monynha.protocols.graphql.errors import RequestError, ResponsePath
from monynha.protocols.graphql.execution.context import (
    ContextValue,
    ExecutionContext,
    FieldArguments,
    resolve_value,
)
from monynha.protocols.graphql.schema.input_types import MAX_LIMIT, is_id_filter

ArgumentReader = Callable[[ExecutionContext], Any]


def plan_list(
    resource: Resource,
    arguments: FieldArguments,
    context: ExecutionContext,
    path: ResponsePath,
    *,
    default_limit: int,
) -> Selection:
    """Return the selection of a list that shows nothing yet; its values are read later."""
    order = arguments.values.get("orderBy") or Order(resource.default_sort)
    selection = Selection(
        resource,
        (),
        where=tuple(_plan_conditions(resource, arguments, path)),
        order=order,
        limit=_read_limit(arguments.values.get("limit"), default_limit, path),
        offset=_offset_parameter(arguments, path),
    )
    selection = replace(
        selection,
        list_digest=ContextValue(lambda request: list_digest(_resolve_conditions(selection, request)), path),
    )
    if arguments.values.get("after") is None:
        return selection
    return replace(selection, after=_cursor_parameters(selection, arguments.reader("after"), context, path))


def id_parameter(read: ArgumentReader, path: ResponsePath) -> ContextValue:
    """Return the id that an argument gives; `me` is the asker, and what is no UUID is nobody's."""

    def resolve(context: ExecutionContext) -> object:
        text = read(context)
        return context.actor.id if text == "me" else parse_uuid(text)

    return ContextValue(resolve, path)


def _read_limit(limit: int | None, default_limit: int, path: ResponsePath) -> int:
    if limit is None:
        return default_limit
    if not 1 <= limit <= MAX_LIMIT:
        problem = f"must be a whole number from 1 to {MAX_LIMIT}"
        raise RequestError.from_error(BadRequestError(f"The limit {problem}.", details={"limit": problem}), path)
    return limit


def _offset_parameter(arguments: FieldArguments, path: ResponsePath) -> ContextValue | None:
    if not any(node.name.value == "offset" for node in arguments.node.arguments or ()):
        return None
    read = arguments.reader("offset")

    def resolve(context: ExecutionContext) -> int:
        offset: int = read(context) or 0
        # Rows that are left out are read too.
        if not 0 <= offset <= MAX_ROWS:
            problem = f"must be a whole number from 0 to {MAX_ROWS}; beyond it, go on with after"
            raise BadRequestError(f"The offset {problem}.", details={"offset": problem})
        return offset

    return ContextValue(resolve, path)


def _plan_conditions(resource: Resource, arguments: FieldArguments, path: ResponsePath) -> list[Condition]:
    conditions = []
    parent = resource.parent_column
    if parent is not None and arguments.values.get(to_camel_case(parent.name)) is not None:
        read = arguments.reader(to_camel_case(parent.name))
        conditions.append(Condition("eq", (to_camel_case(parent.name),), id_parameter(read, path)))
    where = arguments.values.get("where") or {}
    read_where = arguments.reader("where")
    for filter in resource.filters:
        if is_id_filter(resource, filter) and arguments.values.get(filter.name) is not None:
            conditions.append(Condition("eq", filter.fields, id_parameter(arguments.reader(filter.name), path)))
        if where.get(filter.name) is not None:
            conditions.append(
                Condition(filter.operator, filter.fields, _filter_parameter(resource, filter, read_where, path))
            )
    return conditions


def _filter_parameter(resource: Resource, filter: Filter, read: ArgumentReader, path: ResponsePath) -> ContextValue:
    def resolve(context: ExecutionContext) -> object:
        try:
            return parse_filter(resource, filter, read(context)[filter.name], context.actor)
        except ValueError as problem:
            message = f"The filter {filter.name} {problem}."
            raise BadRequestError(message, details={filter.name: str(problem)}) from None

    return ContextValue(resolve, path)


def _cursor_parameters(
    selection: Selection, read: ArgumentReader, context: ExecutionContext, path: ResponsePath
) -> tuple[object, ...]:
    """Return the sort values of the cursor; which of them are null is of the shape."""

    def read_sort_values(request: ExecutionContext) -> tuple[object, ...]:
        return decode_cursor(_resolve_conditions(selection, request), read(request))

    sort_values = ContextValue(lambda request: read_sort_values(request), path).resolve(context)
    assert isinstance(sort_values, tuple)
    return tuple(
        None if one is None else ContextValue(_nth_sort_value(read_sort_values, index), path)
        for index, one in enumerate(sort_values)
    )


def _nth_sort_value(read_sort_values: Callable[[ExecutionContext], tuple[object, ...]], index: int) -> ArgumentReader:
    return lambda asked: read_sort_values(asked)[index]


def _resolve_conditions(selection: Selection, context: ExecutionContext) -> Selection:
    where = tuple(replace(one, value=resolve_value(one.value, context)) for one in selection.where)
    return replace(selection, where=where)

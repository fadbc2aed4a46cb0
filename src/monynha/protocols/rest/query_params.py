"""Parses the query parameters of a request into a selection: filters, sort, page, included relations and fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError
from monynha.engine.query.cursor import decode_cursor
from monynha.engine.query.filters import parse_filter
from monynha.engine.query.selection import MAX_ROWS, Condition, Order, SelectedRelation, Selection
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Filter, Resource

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_VALUES = 100
_MAX_INCLUDE_DEPTH = 10
_ITEM_PARAMS = ("include", "fields")
_LIST_PARAMS = ("limit", "cursor", "sort", "count")


@dataclass(frozen=True)
class QueryParamParser:
    """Parses query parameters; BadRequestError names the parameter that is invalid."""

    catalog: Catalog

    def parse_item(self, resource: Resource, params: dict[str, str]) -> Selection:
        """Return what is selected of one row; its key consists of nulls, which the caller replaces."""
        reject_unknown_params(params, _ITEM_PARAMS)
        no_key = (None,) * len(resource.primary_key)
        return self._select(Selection(resource, resource.field_names, key=no_key), params)

    def parse_list(self, resource: Resource, params: dict[str, str], actor: Actor) -> Selection:
        """Return the selection of a list, without its cursor; the caller sets the scope of a nested list."""
        filter_names = (filter.name for filter in resource.filters)
        reject_unknown_params(params, (*_ITEM_PARAMS, *_LIST_PARAMS, *filter_names))
        conditions = tuple(
            _parse_condition(resource, filter, params[filter.name], actor)
            for filter in resource.filters
            if filter.name in params
        )
        if params.get("count", "exact") != "exact":
            raise _param_error("count", "must be exact")
        selection = Selection(
            resource,
            resource.field_names,
            where=conditions,
            order=_parse_sort(resource, params.get("sort")),
            limit=_parse_limit(params.get("limit")),
            with_total="count" in params,
        )
        return self._select(selection, params)

    def apply_cursor(self, selection: Selection, params: dict[str, str]) -> Selection:
        """Return the page after the cursor, or the first page if there is none."""
        cursor = params.get("cursor")
        return selection if cursor is None else replace(selection, after=decode_cursor(selection, cursor))

    def _select(self, selection: Selection, params: dict[str, str]) -> Selection:
        """Return the selection with the relations of `include` and the fields of `fields`."""
        if "include" not in params and "fields" not in params:
            return selection
        included = _path_tree(_split_list("include", params["include"]) if "include" in params else ())
        fields = None if "fields" not in params else _path_tree(_split_list("fields", params["fields"]))
        selection = self._select_nested(selection, included, fields, "")
        cost = selection.cost()
        if cost > MAX_ROWS:
            raise BadRequestError(
                f"The request selects up to {cost} rows, and at most {MAX_ROWS} are allowed. "
                "Include fewer relations, or use a smaller limit.",
                details={"include": f"selects up to {cost} rows of at most {MAX_ROWS}"},
            )
        return selection

    def _select_nested(
        self, selection: Selection, included: _PathTree, fields: _PathTree | None, path: str
    ) -> Selection:
        relations = self.catalog.relations_of(selection.resource)
        selected_relations = []
        for name, nested_included in included.items():
            if name not in relations:
                raise _param_error("include", f"{path}{name} is not a relation; there are {', '.join(relations)}")
            target = relations[name].target
            nested = Selection(target, target.field_names, order=Order(target.default_sort), limit=MAX_LIMIT)
            nested_fields = None if fields is None or not fields.get(name) else fields[name]
            nested = self._select_nested(nested, nested_included, nested_fields, f"{path}{name}.")
            selected_relations.append(SelectedRelation(name, relations[name], nested))
        field_names = selection.fields if fields is None else _select_fields(selection.resource, fields, included, path)
        return replace(selection, fields=field_names, relations=tuple(selected_relations))


_PathTree = dict[str, "_PathTree"]
"""Dotted paths as a tree: `a.b,a.c` is `{"a": {"b": {}, "c": {}}}`."""


def reject_unknown_params(params: dict[str, str], known_names: tuple[str, ...]) -> None:
    """Raise BadRequestError for unknown parameters, naming the known ones."""
    unknown: dict[str, object] = {
        name[:100]: f"is not known; there are {', '.join(known_names) or 'none'}"
        for name in params
        if name not in known_names
    }
    if unknown:
        raise BadRequestError("A query parameter is not known.", details=unknown)


def _split_list(name: str, text: str) -> list[str]:
    """Return the values of a comma-separated list; an empty value is rejected, because it is likely a mistake."""
    values = [value.strip() for value in text.split(",")]
    if len(values) > MAX_VALUES or not all(values):
        raise _param_error(name, f"must be 1 to {MAX_VALUES} values, separated by commas")
    return values


def _path_tree(paths: Iterable[str]) -> _PathTree:
    root: _PathTree = {}
    for path in paths:
        node = root
        segments = path.split(".")
        if len(segments) > _MAX_INCLUDE_DEPTH:
            raise _param_error("include", f"must be nested at most {_MAX_INCLUDE_DEPTH} deep")
        for segment in segments:
            node = node.setdefault(segment, {})
    return root


def _select_fields(resource: Resource, fields: _PathTree, included: _PathTree, path: str) -> tuple[str, ...]:
    for name, nested in fields.items():
        if name not in included and (name not in resource.fields or nested):
            raise _param_error("fields", f"{path}{name[:100]} is not a field")
    return tuple(name for name in resource.fields if name in fields) if fields else resource.field_names


def _parse_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise _param_error("limit", f"must be an integer from 1 to {MAX_LIMIT}")
    return int(text)


def _parse_sort(resource: Resource, text: str | None) -> Order:
    if text is None:
        return Order(resource.default_sort)
    name = text.removeprefix("-")
    if name not in resource.sorts:
        raise _param_error("sort", f"must be one of {', '.join(resource.sorts)}, with - before it for descending")
    return Order(name, is_descending=text.startswith("-"))


def _parse_condition(resource: Resource, filter: Filter, text: str, actor: Actor) -> Condition:
    value: str | list[str] = text
    if filter.operator in ("in", "overlaps"):
        value = _split_list(filter.name, text)
    elif filter.operator in ("lt", "gte"):
        # In a query string, a plus sign that is not encoded is decoded as a blank.
        value = text.replace(" ", "+") if text[-6:-5] == " " else text
    try:
        return Condition(filter.operator, filter.fields, parse_filter(resource, filter, value, actor))
    except ValueError as error:
        raise _param_error(filter.name, str(error)) from None


def _param_error(name: str, problem: str) -> BadRequestError:
    return BadRequestError(f"The query parameter {name} {problem}.", details={name: problem})

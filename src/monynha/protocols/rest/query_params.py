"""Query parameters to a selection: what is asked of a list or an item."""

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
_ITEM_PARAMS = ("include", "fields")
_LIST_PARAMS = ("limit", "cursor", "sort", "count")


@dataclass(frozen=True)
class QueryParamParser:
    """Reads the questions that can be asked of the catalogue's resources."""

    catalog: Catalog

    def parse_item(self, resource: Resource, query: dict[str, str], key: tuple[object, ...]) -> Selection:
        """Return the question for one row."""
        reject_unknown_params(query, _ITEM_PARAMS)
        return self._apply_shape(Selection(resource, tuple(resource.fields), key=key), query)

    def parse_list(self, resource: Resource, query: dict[str, str], actor: Actor) -> Selection:
        """Return the question for a page; whose address hangs on a parent sets that itself."""
        filter_names = [one.name for one in resource.filters]
        reject_unknown_params(query, (*_ITEM_PARAMS, *_LIST_PARAMS, *filter_names))
        conditions = tuple(
            _parse_condition(resource, one, query[one.name], actor) for one in resource.filters if one.name in query
        )
        if query.get("count", "exact") != "exact":
            raise _param_error("count", "must be exact")
        selection = Selection(
            resource,
            tuple(resource.fields),
            where=conditions,
            order=_parse_sort(resource, query.get("sort")),
            limit=_parse_limit(query.get("limit")),
            with_total="count" in query,
        )
        return self._apply_shape(selection, query)

    def apply_cursor(self, selection: Selection, query: dict[str, str]) -> Selection:
        """Return the question from its cursor on, if one is given."""
        cursor = query.get("cursor")
        return selection if cursor is None else replace(selection, after=decode_cursor(selection, cursor))

    def _apply_shape(self, selection: Selection, query: dict[str, str]) -> Selection:
        if "include" not in query and "fields" not in query:
            return selection
        included = _path_tree(_split_list("include", query["include"]) if "include" in query else ())
        fields = None if "fields" not in query else _path_tree(_split_list("fields", query["fields"]))
        shaped = self._node(selection, included, fields, "")
        if shaped.cost() > MAX_ROWS:
            raise BadRequestError(
                f"The question asks for up to {shaped.cost()} rows; at most {MAX_ROWS} are answered. "
                "Include less, or take a smaller limit.",
                details={"include": f"costs {shaped.cost()} rows of at most {MAX_ROWS}"},
            )
        return shaped

    def _node(self, selection: Selection, included: _PathTree, fields: _PathTree | None, path: str) -> Selection:
        relations = self.catalog.relations_of(selection.resource)
        selected_relations = []
        for name, nested in included.items():
            if name not in relations:
                raise _param_error("include", f"{path}{name} is not a relation; there are {', '.join(relations)}")
            target = relations[name].target
            nested_selection = Selection(
                target, tuple(target.fields), order=Order(target.default_sort), limit=MAX_LIMIT
            )
            nested_fields = None if fields is None or not fields.get(name) else fields[name]
            selected_relations.append(
                SelectedRelation(
                    name,
                    relations[name],
                    self._node(nested_selection, nested, nested_fields, f"{path}{name}."),
                )
            )
        field_names = selection.fields if fields is None else _select_fields(selection.resource, fields, included, path)
        return replace(selection, fields=field_names, relations=tuple(selected_relations))


_PathTree = dict[str, "_PathTree"]


def _split_list(name: str, text: str) -> list[str]:
    """Return the values of a comma list; an empty one among them is a slip that would go unnoticed."""
    values = [word.strip() for word in text.split(",")]
    if len(values) > MAX_VALUES or not all(values):
        raise _param_error(name, f"must be 1 to {MAX_VALUES} values, separated by commas")
    return values


def _path_tree(paths: Iterable[str]) -> _PathTree:
    root: _PathTree = {}
    for path in paths:
        node = root
        segments = path.split(".")
        if len(segments) > 10:
            raise _param_error("include", "is deeper than 10")
        for segment in segments:
            node = node.setdefault(segment, {})
    return root


def _select_fields(resource: Resource, fields: _PathTree, included: _PathTree, path: str) -> tuple[str, ...]:
    for name, nested in fields.items():
        if name not in included and (name not in resource.fields or nested):
            raise _param_error("fields", f"{path}{name[:100]} is not a field")
    return tuple(name for name in resource.fields if name in fields) if fields else tuple(resource.fields)


def reject_unknown_params(query: dict[str, str], known_names: tuple[str, ...]) -> None:
    """Refuse parameters that nobody knows, naming those that there are."""
    unknown = {
        name[:100]: f"is not known; there are {', '.join(known_names) or 'none'}"
        for name in query
        if name not in known_names
    }
    if unknown:
        raise BadRequestError("A query parameter is not known.", details=dict(unknown))


def _parse_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise _param_error("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
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
    if filter.operator in ("equal", "has"):
        value = _split_list(filter.name, text)
    elif filter.operator in ("before", "after"):
        # In a query string a plus sign arrives as a blank unless it was encoded.
        value = text.replace(" ", "+") if text[-6:-5] == " " else text
    try:
        return Condition(filter.operator, filter.fields, parse_filter(resource, filter, value, actor))
    except ValueError as error:
        raise _param_error(filter.name, str(error)) from None


def _param_error(name: str, problem: str) -> BadRequestError:
    return BadRequestError(f"The query parameter {name} {problem}.", details={name: problem})

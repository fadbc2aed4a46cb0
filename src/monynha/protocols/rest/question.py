"""Query parameters to a selection: what is asked of a list or an item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest
from monynha.engine.catalog import Catalog
from monynha.engine.cursor import read_cursor
from monynha.engine.narrowing import narrowed
from monynha.engine.resource import Filter, Resource
from monynha.engine.selection import MOST_ROWS, Branch, Condition, Order, Selection

LIMIT = 20
MOST = 100
MOST_VALUES = 100
_SHOWN = ("include", "fields")
_LISTED = ("limit", "cursor", "sort", "count")


@dataclass(frozen=True)
class Questions:
    """Reads the questions that can be asked of the catalogue's resources."""

    catalog: Catalog

    def item(self, resource: Resource, query: dict[str, str], key: tuple[object, ...]) -> Selection:
        """Return the question for one row."""
        refuse_unknown(query, _SHOWN)
        return self._shown(Selection(resource, tuple(resource.fields), key=key), query)

    def list(self, resource: Resource, query: dict[str, str], actor: Actor) -> Selection:
        """Return the question for a page; whose address hangs on a parent sets that itself."""
        names = [one.name for one in resource.filters]
        refuse_unknown(query, (*_SHOWN, *_LISTED, *names))
        where = tuple(
            _condition(resource, one, query[one.name], actor) for one in resource.filters if one.name in query
        )
        if query.get("count", "exact") != "exact":
            raise _bad("count", "must be exact")
        asked = Selection(
            resource,
            tuple(resource.fields),
            where=where,
            order=_order(resource, query.get("sort")),
            limit=_limit(query.get("limit")),
            with_total="count" in query,
        )
        return self._shown(asked, query)

    def after(self, asked: Selection, query: dict[str, str]) -> Selection:
        """Return the question from its cursor on, if one is given."""
        cursor = query.get("cursor")
        return asked if cursor is None else replace(asked, after=read_cursor(asked, cursor))

    def _shown(self, asked: Selection, query: dict[str, str]) -> Selection:
        if "include" not in query and "fields" not in query:
            return asked
        tree = _tree(_listed("include", query["include"]) if "include" in query else ())
        fields = None if "fields" not in query else _tree(_listed("fields", query["fields"]))
        shown = self._node(asked, tree, fields, "")
        if shown.cost() > MOST_ROWS:
            raise BadRequest(
                f"The question asks for up to {shown.cost()} rows; at most {MOST_ROWS} are answered. "
                "Include less, or take a smaller limit.",
                details={"include": f"costs {shown.cost()} rows of at most {MOST_ROWS}"},
            )
        return shown

    def _node(self, node: Selection, tree: _Tree, fields: _Tree | None, path: str) -> Selection:
        relations = self.catalog.relations_of(node.resource)
        branches = []
        for name, below in tree.items():
            if name not in relations:
                raise _bad("include", f"{path}{name} is not a relation; there are {', '.join(relations)}")
            target = relations[name].target
            inner = Selection(target, tuple(target.fields), order=Order(target.newest), limit=MOST)
            below_fields = None if fields is None or not fields.get(name) else fields[name]
            branches.append(
                Branch(name, relations[name], self._node(inner, below, below_fields, f"{path}{name}."))
            )
        names = node.fields if fields is None else _trimmed(node.resource, fields, tree, path)
        return replace(node, fields=names, branches=tuple(branches))


_Tree = dict[str, "_Tree"]


def _listed(name: str, text: str) -> list[str]:
    """Return the values of a comma list; an empty one among them is a slip that would go unnoticed."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST_VALUES or not all(words):
        raise _bad(name, f"must be 1 to {MOST_VALUES} values, separated by commas")
    return words


def _tree(paths: Iterable[str]) -> _Tree:
    root: _Tree = {}
    for path in paths:
        node = root
        segments = path.split(".")
        if len(segments) > 10:
            raise _bad("include", "is deeper than 10")
        for segment in segments:
            node = node.setdefault(segment, {})
    return root


def _trimmed(resource: Resource, fields: _Tree, included: _Tree, path: str) -> tuple[str, ...]:
    for name, below in fields.items():
        if name not in included and (name not in resource.fields or below):
            raise _bad("fields", f"{path}{name[:100]} is not a field")
    return tuple(name for name in resource.fields if name in fields) if fields else tuple(resource.fields)


def refuse_unknown(query: dict[str, str], known: tuple[str, ...]) -> None:
    """Refuse parameters that nobody knows, naming those that there are."""
    unknown = {
        name[:100]: f"is not known; there are {', '.join(known) or 'none'}"
        for name in query
        if name not in known
    }
    if unknown:
        raise BadRequest("A query parameter is not known.", details=dict(unknown))


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST):
        raise _bad("limit", f"must be a whole number from 1 to {MOST}")
    return int(text)


def _order(resource: Resource, text: str | None) -> Order:
    if text is None:
        return Order(resource.newest)
    name = text.removeprefix("-")
    if name not in resource.sorts:
        raise _bad("sort", f"must be one of {', '.join(resource.sorts)}, with - before it for descending")
    return Order(name, is_descending=text.startswith("-"))


def _condition(resource: Resource, one: Filter, text: str, actor: Actor) -> Condition:
    given: str | list[str] = text
    if one.operator in ("equal", "has"):
        given = _listed(one.name, text)
    elif one.operator in ("before", "after"):
        # In a query string a plus sign arrives as a blank unless it was encoded.
        given = text.replace(" ", "+") if text[-6:-5] == " " else text
    try:
        return Condition(one.operator, one.fields, narrowed(resource, one, given, actor))
    except ValueError as problem:
        raise _bad(one.name, str(problem)) from None


def _bad(name: str, problem: str) -> BadRequest:
    return BadRequest(f"The query parameter {name} {problem}.", details={name: problem})

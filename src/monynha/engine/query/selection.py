"""Selections: what a client requests, as a frozen tree over the catalog, the input of the compiler.

The shape of a selection determines the text of its statement; its values are the statement's binds. A value may be a
`Parameter`, which each execution of the prepared query resolves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from monynha.engine.query.parameter import resolve_value
from monynha.engine.schema.resource import Operator, Relation, Resource

Shape = tuple[object, ...]
MAX_ROWS = 50_000
"""How many rows one query may return at most, with all that is nested."""
MAX_LIGHT_ROWS = 200
"""How many rows a query may return at most to share its connection with others."""
_SCANNING_OPERATORS = frozenset({"search", "overlaps"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on the rows of a list.

    The value is one value for `eq`, a list for `in` and `overlaps`, a text for `lt` and `gte`, patterns for `search`
    and a boolean for `is_null`.
    """

    operator: Operator | Literal["eq"]
    fields: tuple[str, ...]
    value: object


@dataclass(frozen=True, slots=True)
class Order:
    """The field that a list is sorted by; ties are sorted by primary key, and nulls come last in both directions."""

    field: str
    is_descending: bool = True


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A field with the label it gets in the result; without a name, a constant text."""

    label: str
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SelectedRelation:
    """A relation with the label it gets in the result, and what is selected of its target."""

    label: str
    relation: Relation
    selection: Selection


@dataclass(frozen=True, slots=True)
class PageField:
    """A field of a page's object.

    `nodes` are the rows with what is selected of them, `cursor` is that of the next page, `sort_values` those of the
    last row (hexadecimal JSON), `total` is the number of rows on all pages, and `text` a constant.
    """

    label: str
    kind: Literal["nodes", "cursor", "sort_values", "total", "text"]
    selection: Selection | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The row that must be visible to the actor; if it is not, the query has no result."""

    resource: Resource
    id: object


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of one resource and what is selected of them: one row by its primary key, or a list."""

    resource: Resource
    fields: tuple[str | SelectedField, ...]
    relations: tuple[SelectedRelation, ...] = ()
    key: tuple[object, ...] = ()
    """The primary key of one row; empty for a list."""
    where: tuple[Condition, ...] = ()
    order: Order = field(default_factory=lambda: Order("createdAt"))
    limit: int = 20
    after: tuple[object, ...] = ()
    """The sort values of the row after which the page begins; empty for the first page."""
    with_total: bool = False
    scope: Scope | None = None
    labels: tuple[str, ...] = ()
    """The order of fields and relations in the result; empty for fields first."""
    offset: object = None
    page: tuple[PageField, ...] | None = None
    """The fields of the object that a nested list is returned as; None for a JSON array."""
    list_digest: object = None
    """The digest that the page's cursors begin with (see `cursor`)."""

    def shape(self) -> Shape:
        """Return all that the text of the statement depends on, and no value."""
        return (
            self.resource.plural,
            self.fields,
            tuple((nested.label, nested.relation.name, nested.selection.shape()) for nested in self.relations),
            bool(self.key),
            tuple((condition.operator, condition.fields) for condition in self.where),
            self.order,
            self.limit,
            tuple(value is None for value in self.after),
            self.with_total,
            None if self.scope is None else self.scope.resource.plural,
            self.labels,
            self.offset is None,
            self.page
            and tuple(
                (
                    page_field.label,
                    page_field.kind,
                    page_field.text,
                    page_field.selection and page_field.selection.shape(),
                )
                for page_field in self.page
            ),
        )

    def bind_values(self) -> Iterator[object]:
        """Yield the values in the order in which `SelectBuilder` numbers their binds."""
        if self.scope is not None:
            yield self.scope.id
        yield from self.key
        for condition in self.where:
            yield condition.value
        yield from (value for value in self.after if value is not None)
        if self.offset is not None:
            yield self.offset
        if self.has_cursor:
            yield self.list_digest
        for nested in self._nested_selections():
            yield from nested.bind_values()

    def resolve(self, source: object) -> Selection:
        """Return the selection with the values that its parameters, and those of nested ones, have for a source."""
        return replace(
            self,
            key=tuple(resolve_value(value, source) for value in self.key),
            where=tuple(replace(condition, value=resolve_value(condition.value, source)) for condition in self.where),
            after=tuple(resolve_value(value, source) for value in self.after),
            offset=resolve_value(self.offset, source),
            list_digest=resolve_value(self.list_digest, source),
            scope=self.scope and replace(self.scope, id=resolve_value(self.scope.id, source)),
            relations=tuple(replace(nested, selection=nested.selection.resolve(source)) for nested in self.relations),
            page=self.page
            and tuple(
                replace(page_field, selection=page_field.selection and page_field.selection.resolve(source))
                for page_field in self.page
            ),
        )

    @property
    def selected_fields(self) -> tuple[SelectedField, ...]:
        """The fields, each with a label."""
        return tuple(SelectedField(name, name) if isinstance(name, str) else name for name in self.fields)

    @property
    def has_cursor(self) -> bool:
        """Whether the page includes the cursor of the next one."""
        return any(page_field.kind == "cursor" for page_field in self.page or ())

    def cost(self) -> int:
        """Return how many rows the query can return at most."""
        return self._cost(1 if self.key else self.limit)

    def _cost(self, row_count: int) -> int:
        nested_costs = [
            nested.selection._cost(nested.selection.limit if nested.relation.is_many else 1)
            for nested in self.relations
        ]
        # The rows of a page are its nodes, and are counted once.
        nested_costs += [
            page_field.selection._cost(1) - 1 for page_field in self.page or () if page_field.selection is not None
        ]
        return row_count * (1 + sum(nested_costs))

    def max_characters(self) -> int:
        """Return how many characters the values of the result have at most, by their declarations."""
        return self._sum_over_fields(1 if self.key else self.limit, _declared_length)

    def max_json_bytes(self) -> int:
        """Return how many bytes the result has at most as JSON."""
        return self._sum_over_fields(1 if self.key else self.limit, _json_bytes)

    def _sum_over_fields(self, row_count: int, measure: Callable[[Resource, SelectedField], int]) -> int:
        sizes = [measure(self.resource, field) for field in self.selected_fields]
        sizes += [
            nested.selection._sum_over_fields(nested.selection.limit if nested.relation.is_many else 1, measure)
            for nested in self.relations
        ]
        sizes += [
            page_field.selection._sum_over_fields(1, measure)
            for page_field in self.page or ()
            if page_field.selection is not None
        ]
        return row_count * sum(sizes)

    @property
    def is_light(self) -> bool:
        """Whether it is fast whatever is stored: few rows that an index finds, none searched, counted or skipped."""
        return self.cost() <= MAX_LIGHT_ROWS and self._uses_indexes_only()

    def _uses_indexes_only(self) -> bool:
        counts = self.with_total or any(page_field.kind == "total" for page_field in self.page or ())
        scans = any(condition.operator in _SCANNING_OPERATORS for condition in self.where)
        is_indexed = not counts and not scans and self.offset is None
        return is_indexed and all(nested._uses_indexes_only() for nested in self._nested_selections())

    def _nested_selections(self) -> list[Selection]:
        pages = [page_field.selection for page_field in self.page or () if page_field.selection is not None]
        return pages + [nested.selection for nested in self.relations]

    def resource_names(self) -> frozenset[str]:
        """Return the plurals of all resources that the result depends on."""
        nested = (selection.resource_names() for selection in self._nested_selections())
        return frozenset({self.resource.plural}).union(*nested)


def _declared_length(resource: Resource, field: SelectedField) -> int:
    return resource.fields[field.name].rules.declared_length if field.name else len(field.text)


def _json_bytes(resource: Resource, field: SelectedField) -> int:
    # JSON writes a control character as six bytes; quotation marks, colon and comma come with the label.
    return 6 * _declared_length(resource, field) + len(field.label) + 6


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One part of a batch's result, under its label: a selection, a value that is JSON already, or a constant text."""

    label: str
    selection: Selection | None = None
    text: str = ""
    value: object = None

    def shape(self) -> Shape:
        """Return all that the text of the statement depends on."""
        return self.label, self.selection and self.selection.shape(), self.text, self.value is None


@dataclass(frozen=True, slots=True)
class SelectionBatch:
    """Several selections that one statement executes, returning one object.

    With a scope, the batch has no result for an actor who does not see its row.
    """

    items: tuple[BatchItem, ...]
    scope: Scope | None = None

    def shape(self) -> Shape:
        """Return all that the text of the statement depends on."""
        scope = None if self.scope is None else self.scope.resource.plural
        return "batch", scope, *(item.shape() for item in self.items)

    def bind_values(self) -> Iterator[object]:
        """Yield the values in the order in which `SelectBuilder` numbers their binds."""
        if self.scope is not None:
            yield self.scope.id
        for item in self.items:
            if item.selection is not None:
                yield from item.selection.bind_values()
            elif item.value is not None:
                yield item.value

    def cost(self) -> int:
        """Return how many rows the query can return at most."""
        return sum(selection.cost() for selection in self._selections())

    def max_characters(self) -> int:
        """Return how many characters the values of the result have at most, by their declarations."""
        return sum(selection.max_characters() for selection in self._selections())

    def max_json_bytes(self) -> int:
        """Return how many bytes the result has at most as JSON."""
        return sum(selection.max_json_bytes() for selection in self._selections())

    @property
    def is_light(self) -> bool:
        """Whether all of it is fast whatever is stored (`Selection.is_light`)."""
        return self.cost() <= MAX_LIGHT_ROWS and all(selection.is_light for selection in self._selections())

    def _selections(self) -> list[Selection]:
        return [item.selection for item in self.items if item.selection is not None]

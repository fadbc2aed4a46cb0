"""What is asked: a frozen tree over the catalogue. Its shape names a statement, its values are the binds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from monynha.engine.query.parameter import resolve_value
from monynha.engine.schema.resource import Relation, Resource

Shape = tuple[object, ...]
MAX_ROWS = 50_000
"""How many rows one question may ask for at most, with everything below it."""
MAX_LIGHT_ROWS = 200
"""How many rows a question may ask for that shares its connection with others."""
_SCANNING_OPERATORS = {"words", "has"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A list narrowed by one field: `equal` and `has` take lists, `words` patterns, `is` one value."""

    operator: str
    fields: tuple[str, ...]
    value: object


@dataclass(frozen=True, slots=True)
class Order:
    """By which field a list is sorted; ties go by primary key, nulls come last both ways."""

    field: str
    is_descending: bool = True


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A field under a label of its own; without a field, a text that is the same for every row."""

    label: str
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SelectedRelation:
    """A relation that is followed, and what is asked at its end."""

    label: str
    relation: Relation
    selection: Selection


@dataclass(frozen=True, slots=True)
class PageField:
    """One word of a page: what its `nodes` show, the `cursor` of the next page, the `total`, or a `text`."""

    label: str
    kind: Literal["nodes", "cursor", "total", "text"]
    selection: Selection | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The row below which something is asked; where it is not visible, there is no answer."""

    resource: Resource
    id: object


@dataclass(frozen=True, slots=True)
class Selection:
    """One node of the question: which fields of which rows, and what hangs on them.

    `key` asks for one row by its primary key; else `limit` rows in `order` from `after` on. `labels` puts
    fields and branches into an order of their own. `page` asks for the list as an object of those parts;
    `mark` is then what its cursors begin with.
    """

    resource: Resource
    fields: tuple[str | SelectedField, ...]
    relations: tuple[SelectedRelation, ...] = ()
    key: tuple[object, ...] = ()
    where: tuple[Condition, ...] = ()
    order: Order = field(default_factory=lambda: Order("createdAt"))
    limit: int = 20
    after: tuple[object, ...] = ()
    with_total: bool = False
    scope: Scope | None = None
    labels: tuple[str, ...] = ()
    offset: object = None
    page: tuple[PageField, ...] | None = None
    list_digest: object = None

    def shape(self) -> Shape:
        """Return all that the statement's text depends on, and no value."""
        return (
            self.resource.plural,
            self.fields,
            tuple((branch.label, branch.relation.name, branch.selection.shape()) for branch in self.relations),
            bool(self.key),
            tuple((one.operator, one.fields) for one in self.where),
            self.order,
            self.limit,
            tuple(value is None for value in self.after),
            self.with_total,
            None if self.scope is None else self.scope.resource.plural,
            self.labels,
            self.offset is None,
            self.page
            and tuple(
                (part.label, part.kind, part.text, part.selection and part.selection.shape()) for part in self.page
            ),
        )

    def bind_values(self) -> Iterator[object]:
        """Yield the values in the order in which the compiler numbers its binds."""
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
        for part in self.page or ():
            if part.selection is not None:
                yield from part.selection.bind_values()
        for branch in self.relations:
            yield from branch.selection.bind_values()

    def resolve(self, source: object) -> Selection:
        """Return the selection with the values that its parameters have for the source, nested ones too."""
        return replace(
            self,
            key=tuple(resolve_value(value, source) for value in self.key),
            where=tuple(replace(condition, value=resolve_value(condition.value, source)) for condition in self.where),
            after=tuple(resolve_value(value, source) for value in self.after),
            offset=resolve_value(self.offset, source),
            list_digest=resolve_value(self.list_digest, source),
            scope=self.scope and replace(self.scope, id=resolve_value(self.scope.id, source)),
            relations=tuple(
                replace(relation, selection=relation.selection.resolve(source)) for relation in self.relations
            ),
            page=self.page
            and tuple(
                replace(field, selection=field.selection and field.selection.resolve(source)) for field in self.page
            ),
        )

    def stored_fields(self) -> tuple[SelectedField, ...] | None:
        """Return what is shown where it is of the row's own columns alone, so that a write can tell it."""
        if self.relations:
            return None
        nodes = tuple(SelectedField(one, one) if isinstance(one, str) else one for one in self.fields)
        fields = (self.resource.fields[one.name] for one in nodes if one.name)
        are_stored = all(one.column is not None and one.rules.read_via_view is None for one in fields)
        return nodes if are_stored and nodes else None

    @property
    def has_cursor(self) -> bool:
        """Whether the page tells where the next one begins."""
        return any(part.kind == "cursor" for part in self.page or ())

    def cost(self) -> int:
        """Return how many rows can be asked for at most."""
        return self._cost(1 if self.key else self.limit)

    def _cost(self, rows: int) -> int:
        nested_costs = [
            branch.selection._cost(branch.selection.limit if branch.relation.is_many else 1)
            for branch in self.relations
        ]
        nested_costs += [part.selection._cost(1) - 1 for part in self.page or () if part.selection is not None]
        return rows * (1 + sum(nested_costs))

    @property
    def is_light(self) -> bool:
        """Whether it is answered at once, whatever is stored: few rows, none searched, counted or skipped."""
        return self.cost() <= MAX_LIGHT_ROWS and self._uses_indexes_only()

    def _uses_indexes_only(self) -> bool:
        counts = self.with_total or any(part.kind == "total" for part in self.page or ())
        searches = any(one.operator in _SCANNING_OPERATORS for one in self.where)
        is_indexed = not counts and not searches and self.offset is None
        return is_indexed and all(one._uses_indexes_only() for one in self._nested_selections())

    def _nested_selections(self) -> list[Selection]:
        selections = [branch.selection for branch in self.relations]
        return selections + [part.selection for part in self.page or () if part.selection is not None]

    def resource_names(self) -> frozenset[str]:
        """Return the plurals of all resources that the answer depends on."""
        nested = self._nested_selections()
        return frozenset({self.resource.plural}).union(*(one.resource_names() for one in nested))


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One of the things that a question asks: a selection, or a text or JSON that is known already."""

    label: str
    selection: Selection | None = None
    text: str = ""
    value: object = None

    def shape(self) -> Shape:
        """Return all that the statement's text depends on."""
        return self.label, self.selection and self.selection.shape(), self.text, self.value is None


@dataclass(frozen=True, slots=True)
class SelectionBatch:
    """Several things asked at once and answered as one object, in one statement.

    With a `scope` there is no answer for who does not see it.
    """

    items: tuple[BatchItem, ...]
    scope: Scope | None = None

    def shape(self) -> Shape:
        """Return all that the statement's text depends on."""
        scope = None if self.scope is None else self.scope.resource.plural
        return "question", scope, *(root.shape() for root in self.items)

    def bind_values(self) -> Iterator[object]:
        """Yield the values in the order in which the compiler numbers its binds."""
        if self.scope is not None:
            yield self.scope.id
        for root in self.items:
            if root.selection is not None:
                yield from root.selection.bind_values()
            elif root.value is not None:
                yield root.value

    def cost(self) -> int:
        """Return how many rows can be asked for at most."""
        return sum(root.selection.cost() for root in self.items if root.selection is not None)

    @property
    def is_light(self) -> bool:
        """Whether all of it is answered at once, whatever is stored."""
        selections = [root.selection for root in self.items if root.selection is not None]
        return self.cost() <= MAX_LIGHT_ROWS and all(one.is_light for one in selections)

"""What is asked: a frozen tree over the catalogue. Its shape names a statement, its values are the binds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from monynha.engine.resource import Relation, Resource

Shape = tuple[object, ...]


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
class Branch:
    """A relation that is followed, and what is asked at its end."""

    label: str
    relation: Relation
    selection: Selection


@dataclass(frozen=True, slots=True)
class Scope:
    """The parent below whose address a list is asked; not visible means there is no list."""

    resource: Resource
    id: object


@dataclass(frozen=True, slots=True)
class Selection:
    """One node of the question: which fields of which rows, and what hangs on them.

    `key` asks for one row by its primary key; else `limit` rows in `order` from `after` on.
    """

    resource: Resource
    fields: tuple[str, ...]
    branches: tuple[Branch, ...] = ()
    key: tuple[object, ...] = ()
    where: tuple[Condition, ...] = ()
    order: Order = field(default_factory=lambda: Order("createdAt"))
    limit: int = 20
    after: tuple[object, ...] = ()
    with_total: bool = False
    scope: Scope | None = None

    def shape(self) -> Shape:
        """Return all that the statement's text depends on, and no value."""
        return (
            self.resource.plural,
            self.fields,
            tuple((branch.label, branch.relation.name, branch.selection.shape()) for branch in self.branches),
            bool(self.key),
            tuple((one.operator, one.fields) for one in self.where),
            self.order,
            self.limit,
            tuple(value is None for value in self.after),
            self.with_total,
            None if self.scope is None else self.scope.resource.plural,
        )

    def binds(self) -> Iterator[object]:
        """Yield the values in the order in which the compiler numbers its binds."""
        if self.scope is not None:
            yield self.scope.id
        yield from self.key
        for condition in self.where:
            yield condition.value
        yield from (value for value in self.after if value is not None)
        for branch in self.branches:
            yield from branch.selection.binds()

    def cost(self) -> int:
        """Return how many rows can be asked for at most."""
        return self._cost(1 if self.key else self.limit)

    def _cost(self, rows: int) -> int:
        below = (
            branch.selection._cost(branch.selection.limit if branch.relation.is_many else 1)
            for branch in self.branches
        )
        return rows * (1 + sum(below))

    def resources(self) -> frozenset[str]:
        """Return the plurals of all resources that the answer depends on."""
        return frozenset({self.resource.plural}).union(*(one.selection.resources() for one in self.branches))

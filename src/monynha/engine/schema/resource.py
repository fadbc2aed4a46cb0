"""What exists: a resource is declared once, and every protocol derives from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Column, Table
from sqlalchemy.orm import InstrumentedAttribute

from monynha.core.errors import AppError, ConflictError, ForbiddenError, ValidationFailedError
from monynha.core.serialization import to_camel_case
from monynha.engine.schema.columns import ColumnRules, ColumnType, Model, SqlExpression

Operator = Literal["equal", "has", "before", "after", "words", "missing"]


@dataclass(frozen=True, eq=False)
class Field:
    """A value of a resource as the outside knows it: its camelCase name and where it comes from."""

    name: str
    rules: ColumnRules
    is_nullable: bool
    doc: str
    column: Column[Any] | None = None
    expression: SqlExpression | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether it sorts by the order of its words rather than by letters."""
        return self.rules.type is ColumnType.ENUM


@dataclass(frozen=True, eq=False)
class Relation:
    """The way from one resource to another, with the columns that must be equal on both sides."""

    name: str
    source: Resource
    target: Resource
    is_many: bool
    source_column: Column[Any]
    target_column: Column[Any]
    doc: str = ""
    through: tuple[Column[Any], Column[Any]] | None = None
    """The columns of a table between the two: the one that equals `here`, and the one that equals `there`."""


@dataclass(frozen=True)
class ForeignRelation:
    """A to-one relation as its resource declares it; `inverse` hangs the way back onto the target.

    `is_listed` gives the way back an address of its own, as `/users/{id}/posts`. `across` hangs onto the
    target the way over this resource to its parent, as from a user over their memberships to projects.
    """

    target: Resource
    column: InstrumentedAttribute[Any]
    inverse: str | None = None
    has_list_route: bool = False
    many_to_many_inverse: str | None = None


@dataclass(frozen=True)
class Filter:
    """A query parameter that narrows a list."""

    name: str
    operator: Operator
    fields: tuple[str, ...]


@dataclass(frozen=True)
class ComputedField:
    """A value that is computed for the asker and not stored."""

    expression: SqlExpression
    choices: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class EventStream:
    """A stream of the history that hears of a row's changes: its kind, and the column that holds its id.

    Without a column it is the one stream of that kind, which everybody hears.
    """

    kind: str
    column: InstrumentedAttribute[Any] | None = None


@dataclass(frozen=True)
class ConstraintMessage:
    """What is said when a named constraint stands against a write: on which field, with which words."""

    field: str
    message: str
    error_class: type[AppError] = ValidationFailedError

    @classmethod
    def conflict(cls, field: str, message: str) -> ConstraintMessage:
        """Return a rule whose violation is a conflict with what is there."""
        return cls(field, message, ConflictError)

    def to_error(self, detail: str = "") -> AppError:
        """Return the error to raise."""
        message = f"{self.message}: {detail}" if detail else self.message
        if self.error_class is ForbiddenError:
            return ForbiddenError(f"{message}.")
        error_message = None if self.error_class is ValidationFailedError else f"The {self.field} {message}."
        return self.error_class(error_message, details={self.field: message})


@dataclass(frozen=True, eq=False)
class Resource:
    """A kind of thing that can be asked for and changed.

    `within` is the resource it belongs to: its rows are listed and created below the parent's address.
    `rules` says, for each constraint of the schema, what its violation means to the caller.
    """

    model: type[Model]
    singular: str
    plural: str
    parent: ForeignRelation | None = None
    foreign_relations: Mapping[str, ForeignRelation] = field(default_factory=dict)
    computed: Mapping[str, ComputedField] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    sorts: tuple[str, ...] = ("createdAt", "updatedAt")
    default_sort: str = "createdAt"
    constraint_messages: Mapping[str, ConstraintMessage] = field(default_factory=dict)
    operations: frozenset[str] = frozenset({"list", "read", "create", "update", "delete"})
    delete_options: Mapping[str, str] = field(default_factory=dict)
    """Query parameters of DELETE that turn a setting of the transaction on, with their meaning."""
    forbidden_on_create: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Choices that a create may not make, by field."""
    is_private_stream: bool = False
    """Whether the stream of a row is heard by nobody but the person that the row is."""
    streams: tuple[EventStream, ...] = ()
    """The streams that hear of its rows, their own first; without any they leave no history."""
    propagates_from: tuple[str, ...] = ()
    """Links to rows whose changes its own first stream hears too."""
    grants_access_to: InstrumentedAttribute[Any] | None = None
    """The column of the person whom a row lets hear its first stream; the row's end is the end of that."""
    is_public: bool = False
    """Whether everybody who is signed in sees all its rows, but for what is read through a view."""
    is_actor: bool = False
    """Whether its rows are those who ask, so that `me` is the id of the caller's own."""

    @property
    def doc(self) -> str:
        """What it is, in the words of its row type."""
        return (self.model.__doc__ or "").strip()

    @cached_property
    def type_name(self) -> str:
        """The singular in PascalCase, as schemas name the row's type."""
        return self.singular[0].upper() + self.singular[1:]

    @cached_property
    def table(self) -> Table:
        """The table of its rows."""
        table = self.model.__table__
        assert isinstance(table, Table)
        return table

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Everything a caller can see, by its outside name, in the order declared."""
        fields: dict[str, Field] = {}
        for column in self.table.columns:
            rules: ColumnRules = column.info["rules"]
            if rules.type is not ColumnType.ROW_VERSION:
                name = to_camel_case(column.name)
                is_nullable = bool(column.nullable) or rules.read_via_view is not None
                fields[name] = Field(name, rules, is_nullable, column.doc or "", column=column)
        for name, computed_field in self.computed.items():
            rules = ColumnRules(ColumnType.ENUM, choices=computed_field.choices, is_creatable=False, is_updatable=False)
            fields[name] = Field(name, rules, True, computed_field.doc, expression=computed_field.expression)
        return fields

    @cached_property
    def primary_key(self) -> tuple[Column[Any], ...]:
        """The columns of its primary key."""
        return tuple(self.table.primary_key.columns)

    @cached_property
    def id_column(self) -> Column[Any]:
        """The part of the key that tells a row from its siblings below one parent."""
        id_columns = [column for column in self.primary_key if self.parent is None or column is not self.parent_column]
        assert len(id_columns) == 1, f"{self.plural}: one column must tell siblings apart"
        return id_columns[0]

    @cached_property
    def parent_column(self) -> Column[Any] | None:
        """The column that holds the parent's id."""
        return None if self.parent is None else column_of(self.parent.column)

    @cached_property
    def is_nested(self) -> bool:
        """Whether its key holds its parent's, so that an item's address lies below the parent's."""
        return len(self.primary_key) > 1

    @cached_property
    def logged_columns(self) -> tuple[Column[Any], ...]:
        """The columns that the history copies: never one that is seen through a view, as an address."""
        return tuple(one for one in self.table.columns if one.info["rules"].read_via_view is None)

    @cached_property
    def has_own_stream(self) -> bool:
        """Whether each of its rows has a stream of its own, which ends with it."""
        return any(
            one.column is not None and column_of(one.column) in self.primary_key for one in self.streams[:1]
        ) and (len(self.primary_key) == 1)

    @cached_property
    def has_only_stored_fields(self) -> bool:
        """Whether a row's own columns say all there is, so that a write can answer from itself."""
        return not self.computed and all(one.rules.read_via_view is None for one in self.fields.values())

    def find_filter(self, name: str) -> Filter | None:
        """Return the filter of that name, or None."""
        return next((one for one in self.filters if one.name == name), None)


def column_of(attribute: InstrumentedAttribute[Any]) -> Column[Any]:
    """Return the table's column behind a model's attribute."""
    column = attribute.property.columns[0]
    assert isinstance(column, Column)
    return column


def filter_in(*names: str) -> tuple[Filter, ...]:
    """Filters that compare, each taking a comma list."""
    return tuple(Filter(name, "equal", (name,)) for name in names)


def filter_overlaps(name: str, field: str) -> Filter:
    """A filter that wants a word in a list, or any of a comma list."""
    return Filter(name, "has", (field,))


def filter_range(stem: str, field: str) -> tuple[Filter, ...]:
    """The pair `<stem>Before` (exclusive) and `<stem>After` (inclusive) over a time."""
    return Filter(f"{stem}Before", "before", (field,)), Filter(f"{stem}After", "after", (field,))


def filter_search(*fields: str) -> Filter:
    """The filter `q`: every word of it stands in one of the fields, whatever its case."""
    return Filter("q", "words", fields)

"""Resource declarations: what every protocol derives its routes, types, filters and documentation from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from sqlalchemy import Column, Table
from sqlalchemy.orm import ColumnProperty

from monynha.core.errors import AppError, ConflictError, ForbiddenError, ValidationFailedError
from monynha.core.serialization import to_camel_case
from monynha.engine.schema.columns import Choice, ColumnAttribute, ColumnRules, ColumnType, Model, SqlExpression

Operator = Literal["in", "overlaps", "lt", "gte", "search", "is_null"]
"""How a filter compares: equal to one of several values, a list that shares an item with them, below a time,
not below a time, containing every word of a text, null or not."""


@dataclass(frozen=True, eq=False)
class Field:
    """A value of a resource as the API shows it: stored in a column, or computed by an expression."""

    name: str
    """In camelCase."""
    rules: ColumnRules
    is_nullable: bool
    doc: str
    column: Column[object] | None = None
    expression: SqlExpression | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether it sorts by the order of its choices instead of alphabetically."""
        return self.rules.type is ColumnType.ENUM

    @property
    def is_stored(self) -> bool:
        """Whether the row's own table shows it, so that a write can return it."""
        return self.column is not None and self.rules.read_via_view is None


@dataclass(frozen=True, eq=False)
class Relation:
    """A join from one resource to another, with the columns that must be equal on both sides."""

    name: str
    source: Resource
    target: Resource
    is_many: bool
    source_column: Column[object]
    target_column: Column[object]
    doc: str = ""
    through: tuple[Column[object], Column[object]] | None = None
    """For many-to-many, the two columns of the table between: equal to `source_column`, and to `target_column`."""


@dataclass(frozen=True)
class ForeignRelation:
    """A to-one relation as its resource declares it."""

    target: Resource
    column: ColumnAttribute
    inverse: str | None = None
    """The name of the to-many relation back, which the target gets."""
    has_list_route: bool = False
    """Whether the relation back has a route of its own, as `/users/{id}/posts`."""
    many_to_many_inverse: str | None = None
    """The name of the target's relation over this resource to its parent, as a user's projects over memberships."""


@dataclass(frozen=True)
class Filter:
    """A query parameter that filters a list; a search looks at several fields."""

    name: str
    operator: Operator
    fields: tuple[str, ...]


@dataclass(frozen=True)
class ComputedField:
    """A value that is computed for the current actor and not stored."""

    expression: SqlExpression
    choices: type[Choice]
    doc: str


@dataclass(frozen=True)
class EventStream:
    """A kind of event stream that logs the changes of a resource's rows.

    The column holds the stream's id; without one there is a single stream of the kind, for everybody.
    """

    kind: str
    column: ColumnAttribute | None = None


@dataclass(frozen=True)
class ConstraintMessage:
    """The error that a violated constraint means to the client: the field, and what is wrong with it."""

    field: str
    message: str
    error_class: type[AppError] = ValidationFailedError

    @classmethod
    def conflict(cls, field: str, message: str) -> ConstraintMessage:
        """Return the message of a constraint that is violated by a conflict with another row."""
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
    """A kind of row that clients read and write."""

    model: type[Model]
    singular: str
    plural: str
    parent: ForeignRelation | None = None
    """The relation to the resource below whose path its rows are listed and created."""
    foreign_relations: Mapping[str, ForeignRelation] = field(default_factory=dict)
    computed: Mapping[str, ComputedField] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    sorts: tuple[str, ...] = ("createdAt", "updatedAt")
    default_sort: str = "createdAt"
    """The field that lists are sorted by, descending, if no other is requested."""
    constraint_messages: Mapping[str, ConstraintMessage] = field(default_factory=dict)
    """What the violation of a named database constraint means to the client."""
    operations: frozenset[str] = frozenset({"list", "read", "create", "update", "delete"})
    delete_options: Mapping[str, str] = field(default_factory=dict)
    """Query parameters of DELETE with their descriptions; each turns on the setting `monynha.<name>`."""
    forbidden_on_create: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Choices that a create may not use, by field."""
    is_private_stream: bool = False
    """Whether only the user that the row is may subscribe to its stream."""
    streams: tuple[EventStream, ...] = ()
    """The streams that log changes of its rows, its own first; without any, changes are not logged."""
    propagates_from: tuple[str, ...] = ()
    """Foreign relations to rows whose changes its own first stream logs too."""
    grants_access_to: ColumnAttribute | None = None
    """The column of the user whom a row allows to subscribe to its first stream, as long as the row exists."""
    is_public: bool = False
    """Whether every signed-in user sees all its rows, except for what is read through a view."""
    is_admin_only: bool = False
    """Whether only system admins and the service key are granted access; for everybody else it is forbidden."""
    is_audited: bool = False
    """Whether triggers record its inserts with the request that made them: each is then a whole transaction."""
    is_actor: bool = False
    """Whether its rows are the users themselves, so that `me` is the caller's id."""

    @property
    def doc(self) -> str:
        """The description of the resource: the docstring of its row class."""
        return (self.model.__doc__ or "").strip()

    @cached_property
    def type_name(self) -> str:
        """The singular in PascalCase, as GraphQL types and OpenAPI schemas are named."""
        return self.singular[:1].upper() + self.singular[1:]

    @cached_property
    def table(self) -> Table:
        """The table of its rows."""
        table = self.model.__table__
        # Declared as FromClause, because SQLAlchemy also maps joins and selects; a row class here maps a table.
        assert isinstance(table, Table)
        return table

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Everything that a client can see, by its name in the API, in the order declared."""
        fields: dict[str, Field] = {}
        for column in self.table.columns:
            rules: ColumnRules = column.info["rules"]
            if rules.type is not ColumnType.ROW_VERSION:
                name = to_camel_case(column.name)
                is_nullable = bool(column.nullable) or rules.read_via_view is not None
                fields[name] = Field(name, rules, is_nullable, column.doc or "", column=column)
        for name, computed_field in self.computed.items():
            rules = ColumnRules(
                ColumnType.ENUM,
                choices=tuple(choice.value for choice in computed_field.choices),
                choice_docs=tuple(choice.doc for choice in computed_field.choices),
                is_creatable=False,
                is_updatable=False,
            )
            fields[name] = Field(name, rules, True, computed_field.doc, expression=computed_field.expression)
        return fields

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return tuple(self.fields)

    @cached_property
    def is_stored(self) -> bool:
        """Whether all fields are stored in the row's own table."""
        return all(field.is_stored for field in self.fields.values())

    @cached_property
    def primary_key(self) -> tuple[Column[object], ...]:
        """The columns of the primary key."""
        return tuple(self.table.primary_key.columns)

    @cached_property
    def id_column(self) -> Column[object]:
        """The column of the primary key that distinguishes the rows of one parent."""
        id_columns = [column for column in self.primary_key if self.parent is None or column is not self.parent_column]
        assert len(id_columns) == 1, f"{self.plural}: one column must distinguish the rows of a parent"
        return id_columns[0]

    @cached_property
    def parent_column(self) -> Column[object] | None:
        """The column that holds the parent's id."""
        return None if self.parent is None else column_of(self.parent.column)

    @cached_property
    def is_nested(self) -> bool:
        """Whether the primary key includes the parent's id, so that an item's path lies below the parent's."""
        return len(self.primary_key) > 1

    @cached_property
    def logged_columns(self) -> tuple[Column[object], ...]:
        """The columns that the event log copies: none that is read through a view, as an email address is."""
        return tuple(column for column in self.table.columns if column.info["rules"].read_via_view is None)

    @cached_property
    def has_own_stream(self) -> bool:
        """Whether each of its rows has an event stream of its own, which ends when the row is deleted."""
        if not self.streams or len(self.primary_key) > 1:
            return False
        id_attribute = self.streams[0].column
        return id_attribute is not None and column_of(id_attribute) in self.primary_key


def column_of(attribute: ColumnAttribute) -> Column[object]:
    """Return the table's column behind an attribute of a row class."""
    mapped = attribute.property
    # SQLAlchemy also maps relationships and expressions to attributes; ours are columns.
    assert isinstance(mapped, ColumnProperty)
    column = mapped.columns[0]
    # As before: a ColumnProperty may also map an expression.
    assert isinstance(column, Column)
    return column


def filter_in(*names: str) -> tuple[Filter, ...]:
    """Filters for equality, each with a comma-separated list of values."""
    return tuple(Filter(name, "in", (name,)) for name in names)


def filter_overlaps(name: str, field: str) -> Filter:
    """A filter for lists that hold one of the values."""
    return Filter(name, "overlaps", (field,))


def filter_range(stem: str, field: str) -> tuple[Filter, ...]:
    """The pair `<stem>Before` (exclusive) and `<stem>After` (inclusive) over a time."""
    return Filter(f"{stem}Before", "lt", (field,)), Filter(f"{stem}After", "gte", (field,))


def filter_search(*fields: str) -> Filter:
    """The filter `q`: every word of it is part of one of the fields, ignoring case."""
    return Filter("q", "search", fields)

"""What each field of the schema reads or writes: a typed registry that is built with the schema.

The planner looks a field up by its parent type and name and finds its binding to the engine, so that no resolver
runs and the schema itself stays plain graphql-core.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar
from uuid import UUID

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from monynha.core.actor import Actor
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.selection import Selection
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Relation, Resource
from monynha.infra.postgres.database import ActorConnection


@dataclass(frozen=True, slots=True)
class RowBinding:
    """One row of a resource by its primary key, at the root of a query."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class ListBinding:
    """The visible rows of a resource, at the root of a query: a plain list, or a page with cursor and total."""

    resource: Resource
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class ColumnBinding:
    """A value of the row, by its name in the resource."""

    name: str


@dataclass(frozen=True, slots=True)
class RelationBinding:
    """The rows that a relation leads to from a row; a relation to many is a plain list or a page."""

    relation: Relation
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class PageFieldBinding:
    """A member of a page."""

    kind: Literal["nodes", "cursor", "total"]


@dataclass(frozen=True, slots=True)
class CreateBinding:
    """Creates a row, by the domain's own mutation if there is one."""

    resource: Resource
    custom: CustomMutation | None = None


@dataclass(frozen=True, slots=True)
class UpdateBinding:
    """Updates a row, by the domain's own mutation if there is one."""

    resource: Resource
    custom: CustomMutation | None = None


@dataclass(frozen=True, slots=True)
class DeleteBinding:
    """Deletes a row, by the domain's own mutation if there is one."""

    resource: Resource
    custom: CustomMutation | None = None


@dataclass(frozen=True, eq=False)
class CustomMutation:
    """A mutation that a domain implements in the place of the derived one."""

    operation: Literal["create", "update", "delete"]
    resource: Resource
    text_inputs: Mapping[str, str] = field(default_factory=dict)
    """Text inputs in addition to the derived ones, with their descriptions; a create requires them."""
    flag_inputs: Mapping[str, str] = field(default_factory=dict)
    """Boolean inputs in addition, with their descriptions."""
    field_inputs: tuple[str, ...] | None = ()
    """Fields of the resource that a create takes as they are declared; None for all of them."""
    allows_anonymous: bool = False
    """Whether it may be called without signing in."""


@dataclass(frozen=True)
class MutationCall:
    """One call of a domain's mutation.

    `connection` is None for anonymous callers; `key` is the row's, empty for a create; `parent_id` is that of a new
    row's parent; `input` is as the client sent it, of a delete its options; `selection` is what the response shows
    of the row.
    """

    actor: Actor
    connection: ActorConnection | None
    client_ip: str
    user_agent: str
    accept_language: str
    key: PrimaryKey
    input: Mapping[str, object]
    selection: Selection
    parent_id: UUID | None = None


CustomMutationHandler = Callable[[MutationCall], Awaitable["JsonRow | Mapping[str, object]"]]
"""Returns the row as the selection shows it, or the values of a row so new that it has no relations yet."""


@dataclass(frozen=True, eq=False)
class BulkAction:
    """A mutation without arguments that changes all rows of the caller, and returns how many it changed."""

    name: str
    description: str


BulkActionHandler = Callable[[ActorConnection], Awaitable[int]]


@dataclass(frozen=True, eq=False)
class RowAction:
    """A mutation that does something to one row, which its id names, and returns the row."""

    name: str
    resource: Resource
    description: str


RowActionHandler = Callable[[ActorConnection, PrimaryKey, Selection], Awaitable[JsonRow]]
"""Does it to the row of the key, and returns what is selected of it."""


@dataclass(frozen=True, eq=False)
class ReferenceAction:
    """A mutation that does something to the row that a text names, as a secret token does.

    It returns the row, or without `returns_row` only true: to somebody who does not see the row.
    """

    name: str
    resource: Resource
    argument: str
    argument_doc: str
    description: str
    returns_row: bool = True


ReferenceActionHandler = Callable[[ActorConnection, str, "Selection | None"], Awaitable["JsonRow | None"]]
"""Does it to the row that the text names, and returns what is selected of it; None where nothing is selected."""


@dataclass(frozen=True, slots=True)
class EventSubscriptionBinding:
    """Subscribes to the events of a resource's rows in a stream."""

    resource: Resource
    stream_kind: str
    only_created: bool = False


@dataclass(frozen=True, slots=True)
class EphemeralSubscriptionBinding:
    """Subscribes to events that the users of a stream send each other and that are not stored."""

    event: EphemeralEvent

    @property
    def stream_kind(self) -> str:
        """The kind of the stream."""
        return self.event.stream_kind


@dataclass(frozen=True, slots=True)
class EventValueBinding:
    """A value that the event itself carries."""

    name: str


@dataclass(frozen=True, slots=True)
class EventRelationBinding:
    """A row whose primary key the event carries under `key_names`.

    `is_in_stream` says that the row belongs to the stream, so that all its subscribers may see it.
    """

    resource: Resource
    key_names: tuple[str, ...]
    is_in_stream: bool


QueryBinding = RowBinding | ListBinding
MutationBinding = CreateBinding | UpdateBinding | DeleteBinding | BulkAction | RowAction | ReferenceAction
DomainMutation = CustomMutation | BulkAction | RowAction | ReferenceAction
"""A mutation that a domain declares."""
SubscriptionBinding = EventSubscriptionBinding | EphemeralSubscriptionBinding
RowFieldBinding = ColumnBinding | RelationBinding
PayloadFieldBinding = EventValueBinding | EventRelationBinding
_Binding = TypeVar("_Binding")


@dataclass(frozen=True, slots=True)
class BoundField(Generic[_Binding]):
    """A field of the schema and what it is bound to."""

    field: GraphQLField
    binding: _Binding


BoundFields = dict[str, BoundField[_Binding]]


@dataclass(frozen=True, slots=True)
class FieldBindings:
    """The bindings of all fields, by field name; those of object types by the type's name first."""

    queries: BoundFields[QueryBinding] = field(default_factory=dict)
    mutations: BoundFields[MutationBinding] = field(default_factory=dict)
    subscriptions: BoundFields[SubscriptionBinding] = field(default_factory=dict)
    rows: dict[str, BoundFields[RowFieldBinding]] = field(default_factory=dict)
    pages: dict[str, BoundFields[PageFieldBinding]] = field(default_factory=dict)
    payloads: dict[str, BoundFields[PayloadFieldBinding]] = field(default_factory=dict)


class ApiSchema(GraphQLSchema):
    """The GraphQL schema with the bindings of its fields."""

    def __init__(
        self,
        query: GraphQLObjectType,
        mutation: GraphQLObjectType,
        subscription: GraphQLObjectType | None,
        *,
        bindings: FieldBindings,
    ) -> None:
        # The fields of row types are made while the schema collects its types, and bound then.
        super().__init__(query, mutation, subscription)
        self.bindings = bindings


def plain_fields(fields: Mapping[str, BoundField[_Binding]]) -> dict[str, GraphQLField]:
    """Return the fields alone, as graphql-core's object types take them."""
    return {name: bound.field for name, bound in fields.items()}

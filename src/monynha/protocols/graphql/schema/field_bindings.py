"""What a field of the schema means to the engine; each field carries its meaning along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import GraphQLField

from monynha.core.actor import Actor
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.query.queries import JsonRow
from monynha.engine.query.selection import Selection
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Relation, Resource
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.http.request import Request

_EXTENSION_KEY = "monynha"


@dataclass(frozen=True)
class ColumnBinding:
    """A value of the row, by its name in the resource."""

    name: str


@dataclass(frozen=True)
class RowBinding:
    """One row: by its key at the root, or at the end of a way to one."""

    resource: Resource
    relation: Relation | None = None


@dataclass(frozen=True)
class ListBinding:
    """Some rows, as a list or as a page: all that are seen, or those at the end of a way to many."""

    resource: Resource
    relation: Relation | None = None
    is_page: bool = False


@dataclass(frozen=True)
class PageFieldBinding:
    """A word of a page."""

    kind: Literal["nodes", "cursor", "total"]


@dataclass(frozen=True)
class MutationBinding:
    """A derived mutation, or a domain's own in its place."""

    verb: Literal["create", "update", "delete"]
    resource: Resource
    custom: CustomMutation | None = None


@dataclass(frozen=True)
class MutationCall:
    """What a domain's own mutation is given: the input as it was sent, and the question for its answer.

    `acting` is None for nobody; `key` is the row's, empty for a create.
    """

    request: Request
    actor: Actor
    connection: ActorConnection | None
    key: PrimaryKey
    input: Mapping[str, object]
    selection: Selection


@dataclass(frozen=True, eq=False)
class CustomMutation:
    """A mutation of a domain's own, instead of the derived one."""

    verb: Literal["create", "update"]
    resource: Resource
    text_inputs: Mapping[str, str] = field(default_factory=dict)
    """Inputs beside the derived ones, with what each is; a create demands them."""
    flag_inputs: Mapping[str, str] = field(default_factory=dict)
    """Truths that may be given beside them."""
    allows_anonymous: bool = False
    """Whether somebody who is not signed in may do it."""


@dataclass(frozen=True, eq=False)
class BulkAction:
    """A mutation that needs no input: it does something to all that the asker has, and tells to how many."""

    name: str
    description: str


BulkActionHandler = Callable[[ActorConnection], Awaitable[int]]
"""Does a deed."""
CustomMutationHandler = Callable[[MutationCall], Awaitable["JsonRow | Mapping[str, object]"]]
"""Answers what the selection asks for, or the values of a row that is so new that nothing hangs on it."""


@dataclass(frozen=True)
class EventSubscriptionBinding:
    """A subscription to what happens to rows of a stream; `only_new` leaves out what changes them later."""

    resource: Resource
    stream_kind: str
    only_created: bool = False


@dataclass(frozen=True)
class EphemeralSubscriptionBinding:
    """A subscription to what people of a stream show each other and nobody keeps."""

    event: EphemeralEvent

    @property
    def stream_kind(self) -> str:
        """The kind of the stream."""
        return self.event.stream_kind


@dataclass(frozen=True)
class EventValueBinding:
    """Something that is told itself, by its name."""

    name: str


@dataclass(frozen=True)
class EventRelationBinding:
    """A row that what is told names by its key; `is_within` says that it belongs to the stream."""

    resource: Resource
    key_names: tuple[str, ...]
    is_in_stream: bool


FieldBinding = (
    ColumnBinding
    | RowBinding
    | ListBinding
    | PageFieldBinding
    | MutationBinding
    | BulkAction
    | EventSubscriptionBinding
    | EphemeralSubscriptionBinding
    | EventValueBinding
    | EventRelationBinding
)


def bind(field: GraphQLField, binding: FieldBinding) -> GraphQLField:
    """Return the field with its meaning."""
    field.extensions = {_EXTENSION_KEY: binding}
    return field


def binding_of(field: GraphQLField) -> Any:
    """Return what a field means."""
    return field.extensions[_EXTENSION_KEY]

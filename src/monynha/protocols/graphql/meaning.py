"""What a field of the schema means to the engine; each field carries its meaning along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import GraphQLField

from monynha.core.actor import Actor
from monynha.engine.mutate import Key
from monynha.engine.query import Found
from monynha.engine.resource import Relation, Resource
from monynha.engine.selection import Selection
from monynha.infra.postgres.database import Acting
from monynha.protocols.http.request import Request
from monynha.protocols.websocket.parts import Gesture

_MEANING = "monynha"


@dataclass(frozen=True)
class Column:
    """A value of the row, by its name in the resource."""

    name: str


@dataclass(frozen=True)
class Item:
    """One row: by its key at the root, or at the end of a way to one."""

    resource: Resource
    way: Relation | None = None


@dataclass(frozen=True)
class Listing:
    """Some rows, as a list or as a page: all that are seen, or those at the end of a way to many."""

    resource: Resource
    way: Relation | None = None
    is_page: bool = False


@dataclass(frozen=True)
class OfPage:
    """A word of a page."""

    kind: Literal["nodes", "cursor", "total"]


@dataclass(frozen=True)
class Change:
    """A derived mutation, or a domain's own in its place."""

    verb: Literal["create", "update", "delete"]
    resource: Resource
    own: Own | None = None


@dataclass(frozen=True)
class Call:
    """What a domain's own mutation is given: the input as it was sent, and the question for its answer.

    `acting` is None for nobody; `key` is the row's, empty for a create.
    """

    request: Request
    actor: Actor
    acting: Acting | None
    key: Key
    body: Mapping[str, object]
    answer: Selection


@dataclass(frozen=True, eq=False)
class Own:
    """A mutation of a domain's own, instead of the derived one."""

    verb: Literal["create", "update"]
    resource: Resource
    texts: Mapping[str, str] = field(default_factory=dict)
    """Inputs beside the derived ones, with what each is; a create demands them."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Truths that may be given beside them."""
    is_open: bool = False
    """Whether somebody who is not signed in may do it."""


@dataclass(frozen=True, eq=False)
class Deed:
    """A mutation that needs no input: it does something to all that the asker has, and tells to how many."""

    name: str
    doc: str


Do = Callable[[Acting], Awaitable[int]]
"""Does a deed."""
Run = Callable[[Call], Awaitable["Found | Mapping[str, object]"]]
"""Answers what the selection asks for, or the values of a row that is so new that nothing hangs on it."""


@dataclass(frozen=True)
class Hearing:
    """A subscription to what happens to rows of a stream; `only_new` leaves out what changes them later."""

    resource: Resource
    kind: str
    only_new: bool = False


@dataclass(frozen=True)
class Watching:
    """A subscription to what people of a stream show each other and nobody keeps."""

    gesture: Gesture

    @property
    def kind(self) -> str:
        """The kind of the stream."""
        return self.gesture.kind


@dataclass(frozen=True)
class Word:
    """Something that is told itself, by its name."""

    name: str


@dataclass(frozen=True)
class Reached:
    """A row that what is told names by its key; `is_within` says that it belongs to the stream."""

    resource: Resource
    by: tuple[str, ...]
    is_within: bool


Meaning = Column | Item | Listing | OfPage | Change | Deed | Hearing | Watching | Word | Reached


def carrying(made: GraphQLField, meaning: Meaning) -> GraphQLField:
    """Return the field with its meaning."""
    made.extensions = {_MEANING: meaning}
    return made


def meaning_of(made: GraphQLField) -> Any:
    """Return what a field means."""
    return made.extensions[_MEANING]

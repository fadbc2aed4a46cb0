"""A subscription's document, planned: where it listens, and what each event makes of it.

What an event brings itself needs no statement. Ways on are asked for each event, all of them in one statement
that answers only who may still hear the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import orjson
from graphql import FieldNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode, get_named_type

from monynha.core.errors import BadRequest, NotFound
from monynha.core.wire import parse_uuid
from monynha.engine.audience import shows_all_the_same
from monynha.engine.compiler import Compiler
from monynha.engine.history import Event, Stream
from monynha.engine.position import read_position
from monynha.engine.resource import Resource
from monynha.engine.selection import Question, Root, Scope
from monynha.protocols.graphql.asked import Arguments, Asked, settled_selection
from monynha.protocols.graphql.collected import Collector
from monynha.protocols.graphql.document import Document
from monynha.protocols.graphql.errors import Path, Refused
from monynha.protocols.graphql.limits import MOST_ROOTS, refuse_over
from monynha.protocols.graphql.meaning import Hearing, Reached, Watching, Word, meaning_of
from monynha.protocols.graphql.plan import check_cost
from monynha.protocols.graphql.planner import TYPENAME, Planner
from monynha.protocols.graphql.subscriptions import SINCE
from monynha.protocols.graphql.told import Told, told_by, told_of

MOST_ROWS_AN_EVENT = 1000
"""How many rows a subscription may ask for with each event; it asks again and again."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that each event brings anew."""

    read: Callable[[Told], object]


@dataclass(frozen=True, eq=False)
class Telling:
    """A planned subscription; without a `text` nothing has to be asked."""

    label: str
    meaning: Hearing | Watching
    stream: Stream
    since: int | None
    roots: tuple[Root, ...]
    text: str | None
    binds: tuple[object, ...]
    is_common: bool
    """Whether all who hear the stream are shown the same."""

    def heard(self, event: Event) -> Told | None:
        """Return what an event tells, None where it is not about this."""
        meaning = self.meaning
        if not isinstance(meaning, Hearing) or event.resource != meaning.resource.plural:
            return None
        if meaning.only_new and event.verb != "insert":
            return None
        return told_of(meaning.resource, event)

    def overheard(self, said: bytes) -> Told | None:
        """Return what something said in the stream's room tells."""
        return told_by(self.meaning.gesture, said) if isinstance(self.meaning, Watching) else None

    def values(self, told: Told) -> list[object]:
        """Return the values to bind for what is told."""
        return [one.read(told) if isinstance(one, Slot) else one for one in self.binds]

    def alone(self, told: Told) -> bytes:
        """Return the answer that needs no statement; it is made once for all who ask for the same."""
        shape = tuple(root.shape() for root in self.roots), self.label
        made: bytes | None = told.made.get(shape)
        if made is None:
            entries = (orjson.dumps(one.label) + b":" + _known(one, told) for one in self.roots)
            made = told.made[shape] = self.answer(b"{" + b",".join(entries) + b"}")
        return made

    def answer(self, found: bytes) -> bytes:
        """Return the whole answer around what is told."""
        return b'{"data":{' + orjson.dumps(self.label) + b":" + found + b"}}"


def _known(root: Root, told: Told) -> bytes:
    value = root.given.read(told) if isinstance(root.given, Slot) else orjson.dumps(root.text)
    assert isinstance(value, bytes)
    return value


@dataclass(frozen=True)
class Tellings:
    """Plans subscriptions; `roots` are the resources that have streams, by their kind."""

    schema: GraphQLSchema
    compiler: Compiler
    roots: dict[str, Resource]

    def of(self, document: Document, operation: OperationDefinitionNode, asked: Asked) -> Telling:
        """Return the plan of a subscription for one asker (Refused where it asks for too much)."""
        collect = Collector(document.fragments, asked.variables)
        kind = self.schema.subscription_type
        assert kind is not None
        fields = collect.fields([operation.selection_set])
        if len(fields) != 1:
            raise Refused.for_fault(BadRequest("A subscription asks for one thing at a time."))
        ((label, nodes),) = fields.items()
        made = kind.fields[nodes[0].name.value]
        meaning: Hearing | Watching = meaning_of(made)
        args = Arguments.of(made, nodes[0], asked)
        root = self.roots[meaning.kind]
        told = cast(GraphQLObjectType, get_named_type(made.type))
        try:
            stream = _stream(meaning, args, root, asked)
            since = _since(args, stream)
        except (BadRequest, NotFound) as fault:
            raise Refused.for_fault(fault, (label,)) from None
        planner = Planner(self.schema, collect, asked)
        shown = tuple(
            _root(planner, told, key, below, (label, key)) for key, below in collect.below(nodes).items()
        )
        return self._planned(label, meaning, stream, since, roots=shown, root=root)

    def _planned(
        self,
        label: str,
        meaning: Hearing | Watching,
        stream: Stream,
        since: int | None,
        *,
        roots: tuple[tuple[Root, bool], ...],
        root: Resource,
    ) -> Telling:
        shown = tuple(one for one, _ in roots)
        if all(one.selection is None for one in shown):
            return Telling(label, meaning, stream, since, shown, None, (), True)
        try:
            # Each is a statement of its own within the statement, as a query's root fields are.
            refuse_over("ways on", sum(one.selection is not None for one in shown), MOST_ROOTS)
        except BadRequest as fault:
            raise Refused.for_fault(fault, (label,)) from None
        question = Question(shown, None if root.hears_alone else Scope(root, stream.id))
        check_cost(question.cost(), MOST_ROWS_AN_EVENT)
        statement = self.compiler.statement(question)
        is_common = all(
            one.selection is None or shows_all_the_same(one.selection, root, is_within=is_within)
            for one, is_within in roots
        )
        binds = tuple(statement.arrange(question.binds()))
        return Telling(label, meaning, stream, since, shown, statement.text, binds, is_common)


def _root(
    planner: Planner, told: GraphQLObjectType, key: str, nodes: list[FieldNode], path: Path
) -> tuple[Root, bool]:
    """Return a member of what is told, and whether it belongs to the stream."""
    name = nodes[0].name.value
    if name == TYPENAME:
        return Root(key, text=told.name), True
    meaning: Word | Reached = meaning_of(told.fields[name])
    if isinstance(meaning, Word):
        return Root(key, text=meaning.name, given=_word(meaning.name)), True
    ids = tuple(_id(one) for one in meaning.by)
    selection = planner.shown(meaning.resource, nodes, path, key=ids)
    return Root(key, settled_selection(selection, planner.asked)), meaning.is_within


def _word(name: str) -> Slot:
    return Slot(lambda told: told.json(name))


def _id(name: str) -> Slot:
    def read(told: Told) -> object:
        text = told.values.get(name)
        return None if text is None else parse_uuid(text)

    return Slot(read)


def _stream(meaning: Hearing | Watching, args: Arguments, root: Resource, asked: Asked) -> Stream:
    id = asked.actor.id if root.hears_alone else parse_uuid(args.values[f"{meaning.kind}Id"])
    if id is None:
        raise NotFound()
    return Stream(meaning.kind, id)


def _since(args: Arguments, stream: Stream) -> int | None:
    text = args.values.get(SINCE)
    if text is None:
        return None
    try:
        return read_position(text)[stream]
    except (KeyError, ValueError):
        problem = "must be a position that was told here"
        raise BadRequest(f"{SINCE} {problem}.", details={SINCE: problem}) from None

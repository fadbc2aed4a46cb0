"""The root type Subscription, derived: what happens to the rows of a stream, and what its people show.

A resource that belongs to a stream which others hear too has `<singular>Changed(<kind>Id)`; one that is told
to a person alone has `<singular>Added`. What is told holds the row's own values as the change left them (as
they were, of a deleted row), who changed it, and the ways on, which are asked anew for each change.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from monynha.core.wire import camel
from monynha.engine.audience import stays
from monynha.engine.catalog import Catalog
from monynha.engine.resource import Resource
from monynha.protocols.graphql.meaning import Hearing, Reached, Watching, Word, carrying
from monynha.protocols.graphql.types import DATE_TIME, JSON, Types
from monynha.protocols.websocket.messages import PAST
from monynha.protocols.websocket.parts import Gesture

SINCE = "since"
_ACTION = GraphQLEnumType(
    "ChangeAction", {word: GraphQLEnumValue(word) for word in PAST.values()}, description="What happened."
)
_SINCE = GraphQLArgument(
    GraphQLString,
    description="The `position` of the last change you heard: what you missed since comes first.",
)


def subscriptions(types: Types, catalog: Catalog, gestures: Iterable[Gesture]) -> dict[str, GraphQLField]:
    """Return the fields of the root type, none where nothing can be heard."""
    roots = {one.told_to[0].kind: one for one in catalog.resources.values() if one.is_root}
    found: dict[str, GraphQLField] = {}
    for resource in catalog.resources.values():
        root = roots.get(resource.told_to[0].kind) if resource.told_to else None
        if root is not None and root is not resource:
            found |= _hearing(types, catalog, resource, root)
    for gesture in gestures:
        found[gesture.subscription] = _watching(types, catalog, gesture, roots[gesture.kind])
    return found


def _hearing(types: Types, catalog: Catalog, resource: Resource, root: Resource) -> dict[str, GraphQLField]:
    noun, kind = resource.singular, root.told_to[0].kind
    meaning = Hearing(resource, kind, only_new=root.hears_alone)
    name = f"{noun}{'Added' if meaning.only_new else 'Changed'}"
    doc = f"A {noun} is new." if meaning.only_new else f"A {noun} was created, updated or deleted."
    args = {SINCE: _SINCE} if meaning.only_new else {**_stream(kind, root), SINCE: _SINCE}
    told = _told(name, doc, {**_own(types, resource), **_ways(types, catalog, resource, root)})
    return {name: carrying(GraphQLField(GraphQLNonNull(told), args=args, description=doc), meaning)}


def _own(types: Types, resource: Resource) -> dict[str, GraphQLField]:
    found = {}
    for one in resource.fields.values():
        if one.column in resource.heard:
            kind = types.value(one.rules)
            # What the history forgets of a person may be gone.
            may_lack = one.nullable or one.rules.is_personal
            found[one.name] = _word(one.name, kind if may_lack else GraphQLNonNull(kind), one.doc)
    return {
        **found,
        "action": _word("action", GraphQLNonNull(_ACTION), "What happened."),
        "changedAt": _word("changedAt", GraphQLNonNull(DATE_TIME), "When it happened."),
        "changedById": _word("changedById", GraphQLID, "Who did it; null where nobody signed in did."),
        "position": _word("position", GraphQLNonNull(GraphQLString), "The place to go on from, for `since`."),
    }


def _ways(types: Types, catalog: Catalog, resource: Resource, root: Resource) -> dict[str, GraphQLField]:
    key = tuple(camel(one.name) for one in resource.key)
    doc = f"The {resource.singular} as it is now; null once it is gone."
    found = {resource.singular: _reached(types, Reached(resource, key, is_within=True), doc)}
    for way in catalog.relations_of(resource).values():
        if not way.is_many:
            reached = Reached(way.target, (camel(way.here.name),), is_within=stays(way, root))
            found[way.name] = _reached(types, reached, way.doc)
    return {**found, **_person(types, catalog, "changedBy", "Who did it.")}


def _watching(types: Types, catalog: Catalog, gesture: Gesture, root: Resource) -> GraphQLField:
    doc = f"Somebody else in the {root.singular} shows a {gesture.field}, which nobody keeps."
    here = f"{gesture.kind}Id"
    fields = {
        here: _word(here, GraphQLNonNull(GraphQLID), f"The {root.singular}."),
        root.singular: _reached(types, Reached(root, (here,), is_within=True), f"The {root.singular}."),
        "userId": _word("userId", GraphQLID, "Who shows it."),
        **_person(types, catalog, "user", "Who shows it."),
        gesture.field: _word(gesture.field, JSON, "What they show, as they sent it."),
        "at": _word("at", GraphQLNonNull(DATE_TIME), "When they showed it."),
    }
    told = _told(gesture.subscription, doc, fields)
    made = GraphQLField(GraphQLNonNull(told), args=_stream(gesture.kind, root), description=doc)
    return carrying(made, Watching(gesture))


def _person(types: Types, catalog: Catalog, name: str, doc: str) -> dict[str, GraphQLField]:
    actor = next((one for one in catalog.resources.values() if one.is_actor), None)
    if actor is None:
        return {}
    return {name: _reached(types, Reached(actor, (f"{name}Id",), is_within=False), doc)}


def _stream(kind: str, root: Resource) -> dict[str, GraphQLArgument]:
    doc = f"The {root.singular} to listen to."
    return {f"{kind}Id": GraphQLArgument(GraphQLNonNull(GraphQLID), description=doc)}


def _told(name: str, doc: str, fields: dict[str, GraphQLField]) -> GraphQLObjectType:
    return GraphQLObjectType(name[0].upper() + name[1:], fields, description=doc)


def _word(name: str, kind: object, doc: str) -> GraphQLField:
    return carrying(GraphQLField(kind, description=doc), Word(name))  # type: ignore[arg-type]  # one of three


def _reached(types: Types, reached: Reached, doc: str) -> GraphQLField:
    return carrying(GraphQLField(types.rows[reached.resource.plural], description=doc), reached)

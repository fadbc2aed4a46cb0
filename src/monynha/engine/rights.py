"""Who may hear a stream: asked of the database when they join; events admit and expel later."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import orjson

from monynha.core.actor import ActorKind
from monynha.core.errors import NotFound, Unauthenticated
from monynha.engine.catalog import Catalog
from monynha.engine.history import EVERYBODY, Event, Stream
from monynha.engine.query import Query
from monynha.engine.resource import Resource, column_of
from monynha.engine.selection import Order, Selection
from monynha.infra.postgres.database import Acting

_MOST_STREAMS = 2_000


@dataclass(frozen=True)
class Rights:
    """Proves rights over the catalogue's streams, and reads which events take or give them."""

    catalog: Catalog
    query: Query

    @cached_property
    def roots(self) -> dict[str, Resource]:
        """The resources that have a stream for each row, by the kind of that stream."""
        return {one.told_to[0].kind: one for one in self.catalog.resources.values() if one.is_root}

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """The kinds of streams that several people hear, of which there is one for each row."""
        return tuple(kind for kind, root in self.roots.items() if not root.hears_alone)

    @cached_property
    def gates(self) -> dict[str, Resource]:
        """The resources whose rows admit people to streams, by plural."""
        return {name: one for name, one in self.catalog.resources.items() if one.admits is not None}

    async def prove(self, acting: Acting, stream: Stream) -> None:
        """Return if the actor may hear the stream now; NotFound where they may not know of it."""
        if acting.actor.is_nobody:
            raise Unauthenticated()
        root = self.roots.get(stream.kind)
        if root is None:
            if stream.id != EVERYBODY:
                raise NotFound()
            return await acting.check_live()
        if root.hears_alone:
            if stream.id != acting.actor.id:
                raise NotFound()
            return await acting.check_live()
        asked = Selection(root, (root.own_key.name,), key=(stream.id,))
        await self.query.one(acting, self.query.ready(asked))
        return None

    async def streams(self, acting: Acting, kind: str) -> list[Stream]:
        """Return the streams of a kind that the actor may hear now."""
        actor = acting.actor
        if actor.is_nobody:
            return []
        root = self.roots.get(kind)
        if root is None:
            return [Stream(kind, EVERYBODY)]
        if root.hears_alone:
            return [] if actor.id is None else [Stream(kind, actor.id)]
        own = root.own_key.name
        asked = Selection(root, (own,), order=Order(root.newest), limit=_MOST_STREAMS)
        page = await self.query.page(acting, self.query.ready(asked))
        return [Stream(kind, one) for one in _ids(page.rows, own)]

    def ends(self, event: Event) -> bool:
        """Whether what the stream belongs to is gone with this event."""
        root = self.roots.get(event.stream.kind)
        return (
            event.verb == "delete"
            and root is not None
            and root.plural == event.resource
            and event.row_id == event.stream.id
        )

    def admitted(self, event: Event) -> tuple[Stream, UUID] | None:
        """Return the stream that an event lets somebody hear, or keeps them from, and whom."""
        gate = self.gates.get(event.resource)
        if gate is None or gate.admits is None or event.verb == "update":
            return None
        first = gate.told_to[0]
        assert first.by is not None
        row = event.row
        who, where = row.get(column_of(gate.admits).name), row.get(column_of(first.by).name)
        if who is None or where is None:
            return None
        return Stream(first.kind, UUID(where)), UUID(who)


def sees_all(kind: ActorKind, *, is_admin: bool) -> bool:
    """Whether somebody's rights do not hang on what admits people."""
    return is_admin or kind is ActorKind.SERVICE


def _ids(rows: bytes, name: str) -> list[UUID]:
    return [UUID(row[name]) for row in orjson.loads(rows)]

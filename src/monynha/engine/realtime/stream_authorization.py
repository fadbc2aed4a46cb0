"""Who may hear a stream: asked of the database when they join; events admit and expel later."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import orjson

from monynha.core.actor import ActorKind
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Order, Selection
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event, Stream
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource, column_of
from monynha.infra.postgres.database import ActorConnection

_MAX_STREAMS = 2_000


@dataclass(frozen=True)
class StreamAuthorizer:
    """Proves rights over the catalogue's streams, and reads which events take or give them."""

    catalog: Catalog
    query: Queries

    @cached_property
    def roots(self) -> dict[str, Resource]:
        """The resources that have a stream for each row, by the kind of that stream."""
        return {one.streams[0].kind: one for one in self.catalog.resources.values() if one.has_own_stream}

    @cached_property
    def shared_kinds(self) -> tuple[str, ...]:
        """The kinds of streams that several people hear, of which there is one for each row."""
        return tuple(kind for kind, root in self.roots.items() if not root.is_private_stream)

    @cached_property
    def membership_resources(self) -> dict[str, Resource]:
        """The resources whose rows admit people to streams, by plural."""
        return {name: one for name, one in self.catalog.resources.items() if one.grants_access_to is not None}

    async def authorize(self, connection: ActorConnection, stream: Stream) -> None:
        """Return if the actor may hear the stream now; NotFound where they may not know of it."""
        if connection.actor.is_anonymous:
            raise UnauthenticatedError()
        root = self.roots.get(stream.kind)
        if root is None:
            if stream.id != GLOBAL_STREAM_ID:
                raise NotFoundError()
            return await connection.require_live_session()
        if root.is_private_stream:
            if stream.id != connection.actor.id:
                raise NotFoundError()
            return await connection.require_live_session()
        selection = Selection(root, (root.id_column.name,), key=(stream.id,))
        await self.query.fetch_row(connection, self.query.prepare(selection), None)
        return None

    async def list_streams(self, connection: ActorConnection, kind: str) -> list[Stream]:
        """Return the streams of a kind that the actor may hear now."""
        actor = connection.actor
        if actor.is_anonymous:
            return []
        root = self.roots.get(kind)
        if root is None:
            return [Stream(kind, GLOBAL_STREAM_ID)]
        if root.is_private_stream:
            return [] if actor.id is None else [Stream(kind, actor.id)]
        key_name = root.id_column.name
        selection = Selection(root, (key_name,), order=Order(root.default_sort), limit=_MAX_STREAMS)
        page = await self.query.fetch_page(connection, self.query.prepare(selection), None)
        return [Stream(kind, one) for one in _parse_ids(page.rows, key_name)]

    def ends_stream(self, event: Event) -> bool:
        """Whether what the stream belongs to is gone with this event."""
        root = self.roots.get(event.stream.kind)
        return (
            event.verb == "delete"
            and root is not None
            and root.plural == event.resource
            and event.row_id == event.stream.id
        )

    def parse_membership_change(self, event: Event) -> tuple[Stream, UUID] | None:
        """Return the stream that an event lets somebody hear, or keeps them from, and whom."""
        membership = self.membership_resources.get(event.resource)
        if membership is None or membership.grants_access_to is None or event.verb == "update":
            return None
        own_stream = membership.streams[0]
        assert own_stream.column is not None
        row = event.row
        user_id, stream_id = (
            row.get(column_of(membership.grants_access_to).name),
            row.get(column_of(own_stream.column).name),
        )
        if user_id is None or stream_id is None:
            return None
        return Stream(own_stream.kind, UUID(stream_id)), UUID(user_id)


def sees_every_stream(kind: ActorKind, *, is_admin: bool) -> bool:
    """Whether somebody's rights do not hang on what admits people."""
    return is_admin or kind is ActorKind.SERVICE


def _parse_ids(rows: bytes, name: str) -> list[UUID]:
    return [UUID(row[name]) for row in orjson.loads(rows)]

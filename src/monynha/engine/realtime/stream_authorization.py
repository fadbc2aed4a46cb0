"""Decide who may subscribe to a stream: a query when they subscribe, membership events afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Order, Selection
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event, Stream
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource, column_of
from monynha.infra.postgres.database import ActorConnection, guard_query

_MAX_STREAMS = 2_000
_IS_RESOURCE_LIMITED = guard_query("select to_json(auth.is_project_limited()::integer)")
"""A number, because false means that the session is over."""
_SEES_ONLY_OWN_ROWS = guard_query("select to_json((auth.is_project_limited() or auth.is_anonymous())::integer)")


class MembershipChange(NamedTuple):
    """Who was given access to a stream, or lost it."""

    stream: Stream
    user_id: UUID


@dataclass(frozen=True)
class StreamAuthorizer:
    """Checks access to the streams of the catalogue's resources, by row-level security."""

    catalog: Catalog
    query: Queries

    @cached_property
    def roots(self) -> dict[str, Resource]:
        """The resources each of whose rows has its own stream, by the kind of that stream."""
        resources = self.catalog.resources.values()
        return {resource.streams[0].kind: resource for resource in resources if resource.has_own_stream}

    @cached_property
    def shared_kinds(self) -> tuple[str, ...]:
        """The kinds of streams that several users may subscribe to and of which there is one per row."""
        return tuple(kind for kind, root in self.roots.items() if not root.is_private_stream)

    @cached_property
    def membership_resources(self) -> dict[str, Resource]:
        """The resources whose rows give users access to streams, by plural."""
        resources = self.catalog.resources.items()
        return {name: resource for name, resource in resources if resource.grants_access_to is not None}

    @cached_property
    def _user_kind(self) -> str | None:
        return next((kind for kind, root in self.roots.items() if root.is_private_stream), None)

    def user_stream(self, actor: Actor) -> Stream | None:
        """Return the stream that belongs to the actor alone, None if the actor is not a user."""
        kind = self._user_kind
        return None if kind is None or actor.id is None else Stream(kind, actor.id)

    async def authorize(self, connection: ActorConnection, stream: Stream) -> None:
        """Return if the actor may subscribe; NotFoundError if not, UnauthenticatedError without a live session."""
        if connection.actor.is_anonymous:
            raise UnauthenticatedError()
        root = self.roots.get(stream.kind)
        if root is None:
            if stream.id != GLOBAL_STREAM_ID or not await self._may_read_global_stream(connection):
                raise NotFoundError.for_name(stream.kind)
            return None
        if root.is_private_stream:
            if stream.id != connection.actor.id:
                raise NotFoundError.for_name(stream.kind)
            return await self._require_reader(connection, stream)
        selection = Selection(root, (root.id_column.name,), key=(stream.id,))
        await self.query.fetch_row(connection, selection)
        return None

    async def _require_reader(self, connection: ActorConnection, stream: Stream) -> None:
        """Raise NotFoundError for a token that is limited to projects, since the stream belongs to none of them."""
        if await connection.fetch_json(_IS_RESOURCE_LIMITED, (), is_light=True) != b"0":
            raise NotFoundError.for_name(stream.kind)

    async def _may_read_global_stream(self, connection: ActorConnection) -> bool:
        """Whether the actor sees the rows of everybody; anonymous users see only their own."""
        return await connection.fetch_json(_SEES_ONLY_OWN_ROWS, (), is_light=True) == b"0"

    async def list_streams(self, connection: ActorConnection, kind: str) -> list[Stream]:
        """Return the streams of a kind that the actor may subscribe to now."""
        actor = connection.actor
        if actor.is_anonymous or (actor.is_resource_limited and kind not in self.shared_kinds):
            return []
        root = self.roots.get(kind)
        if root is None:
            return [Stream(kind, GLOBAL_STREAM_ID)] if await self._may_read_global_stream(connection) else []
        if root.is_private_stream:
            return [] if actor.id is None else [Stream(kind, actor.id)]
        key_name = root.id_column.name
        selection = Selection(root, (key_name,), order=Order(root.default_sort), limit=_MAX_STREAMS)
        page = await self.query.fetch_page(connection, selection)
        return [Stream(kind, UUID(row[key_name])) for row in orjson.loads(page.rows)]

    def ends_stream(self, event: Event) -> bool:
        """Whether the event is the deletion of the row to which its stream belongs."""
        root = self.roots.get(event.stream.kind)
        return (
            event.verb == "delete"
            and root is not None
            and root.plural == event.resource
            and event.row_id == event.stream.id
        )

    def parse_membership_change(self, event: Event) -> MembershipChange | None:
        """Return whom an insert or delete gives access to a stream or takes it from; None for other events."""
        membership = self.membership_resources.get(event.resource)
        if membership is None or membership.grants_access_to is None or event.verb == "update":
            return None
        own_stream = membership.streams[0]
        if own_stream.column is None:
            return None
        user_id = event.row.get(column_of(membership.grants_access_to).name)
        stream_id = event.row.get(column_of(own_stream.column).name)
        if not isinstance(user_id, str) or not isinstance(stream_id, str):
            return None
        return MembershipChange(Stream(own_stream.kind, UUID(stream_id)), UUID(user_id))


def sees_every_stream(actor: Actor) -> bool:
    """Whether the actor's access does not depend on memberships: system admins and the service key."""
    return actor.is_admin or actor.kind is ActorKind.SERVICE

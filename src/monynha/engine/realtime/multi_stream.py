"""Hearing many streams as one: all of some kinds that an actor may hear, those that come later too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.errors import AppError, NotFoundError
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.stream_authorization import sees_every_stream
from monynha.engine.realtime.subscriber import Sink, Subscription
from monynha.infra.postgres.database import ActorConnection

WantedStreams = Mapping[str, frozenset[UUID] | None]
"""The kinds of streams to follow, each with the only ids that matter, or None for all."""


class MultiStreamSubscriber:
    """A listener at every wanted stream; `positions` says how far it has heard each.

    With `since` it first hears what was missed; `is_complete` tells whether all of that is there.
    """

    def __init__(
        self,
        hub: Hub,
        connection: ActorConnection,
        wanted: WantedStreams,
        sink: Sink,
        *,
        on_event: Callable[[Event], None],
        on_session_end: Callable[[], None],
        on_revoked: Callable[[Stream], None] = lambda _: None,
        resume_from: Mapping[Stream, int] | None = None,
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._wanted = wanted
        self.sink = sink
        self._handle_event = on_event
        self._handle_session_end = on_session_end
        self._handle_revoked = on_revoked
        self._resume_from = resume_from
        self._subscriptions: dict[Stream, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.versions: dict[Stream, int] = {}
        self.is_complete = True

    @property
    def actor(self) -> Actor:
        """Who is following."""
        return self._connection.actor

    @property
    def _user_stream(self) -> Stream | None:
        kind = next((kind for kind, root in self._hub.authorizer.roots.items() if root.is_private_stream), None)
        return None if kind is None or self.actor.id is None else Stream(kind, self.actor.id)

    async def start(self) -> None:
        """Take a seat at every wanted stream there is; nothing is heard before `open`."""
        try:
            user_stream = self._user_stream
            if user_stream is not None:
                await self._subscribe(user_stream, is_authorized=False)
            for kind, wanted_ids in self._wanted.items():
                for stream in await self._list_streams(kind, wanted_ids):
                    if stream != user_stream:
                        await self._subscribe(stream, is_authorized=True)
            if any(self._is_wanted(one) and one not in self._subscriptions for one in self._resume_from or ()):
                # They were removed while they were away, and nobody tells what was missed.
                self.is_complete = False
            if sees_every_stream(self.actor.kind, is_admin=self.actor.is_admin):
                self._hub.new_stream_callbacks.append(self.on_new_stream)
        except BaseException:
            self.stop()
            raise

    def activate(self) -> None:
        """Hear what was missed, then everything as it comes."""
        for subscription in list(self._subscriptions.values()):
            subscription.activate()

    def stop(self) -> None:
        """Leave every stream."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        for stream in list(self._subscriptions):
            self._hub.unsubscribe(stream, self)
        self._subscriptions.clear()
        with suppress(ValueError):
            self._hub.new_stream_callbacks.remove(self.on_new_stream)

    def replace_connection(self, connection: ActorConnection) -> None:
        """Go on as the same actor with a newer token."""
        self._connection = connection

    def on_event(self, event: Event) -> None:
        """Take an event: hand it on, and follow where it admits to."""
        self.versions[event.stream] = event.version
        if event.stream.kind in self._wanted:
            self._handle_event(event)
        if event.stream == self._user_stream:
            self._apply_membership_change(event)

    def on_revoked(self, stream: Stream) -> None:
        """Forget a stream that is heard no more."""
        self._subscriptions.pop(stream, None)
        self.versions.pop(stream, None)
        self._handle_revoked(stream)

    def on_session_end(self) -> None:
        """Tell that the session is over."""
        self.stop()
        self._handle_session_end()

    def _apply_membership_change(self, event: Event) -> None:
        admission = self._hub.authorizer.parse_membership_change(event)
        if admission is None or admission[1] != self.actor.id or not self._is_wanted(admission[0]):
            return
        if event.verb == "insert" and admission[0] not in self._subscriptions:
            self._spawn(self._subscribe_on_admission(admission[0]))
        elif event.verb == "delete" and admission[0] in self._subscriptions:
            # Its own stream says so too, at the right place: this is for who sat down a moment too late.
            self._spawn(self._hub.review_access(admission[0], self))

    def _is_wanted(self, stream: Stream) -> bool:
        wanted_ids = self._wanted.get(stream.kind, frozenset())
        return wanted_ids is None or stream.id in wanted_ids

    async def _list_streams(self, kind: str, wanted_ids: frozenset[UUID] | None) -> list[Stream]:
        authorizer = self._hub.authorizer
        if self.actor.is_anonymous:
            return []
        if wanted_ids is not None and len(wanted_ids) <= 20:
            authorized_streams = []
            for stream_id in sorted(wanted_ids):
                with suppress(NotFoundError):
                    await authorizer.authorize(self._connection, Stream(kind, stream_id))
                    authorized_streams.append(Stream(kind, stream_id))
            return authorized_streams
        root = authorizer.roots.get(kind)
        if (
            root is not None
            and not root.is_private_stream
            and sees_every_stream(self.actor.kind, is_admin=self.actor.is_admin)
        ):
            await self._connection.require_live_session()
            streams = list(await self._hub.event_log.fetch_streams_of_kind(kind))
        else:
            streams = await authorizer.list_streams(self._connection, kind)
        return [one for one in streams if wanted_ids is None or one.id in wanted_ids]

    async def _subscribe(self, stream: Stream, *, is_authorized: bool) -> None:
        version = None
        if self._resume_from is not None:
            version = self._resume_from.get(stream)
            if version is None:
                version = await self._version_before_admission(stream)
        subscription = await self._hub.subscribe(
            self._connection, stream, self, since=version, is_authorized=is_authorized
        )
        if self._is_stopped:
            self._hub.unsubscribe(stream, self)
            return
        self._subscriptions[stream] = subscription
        self.versions.setdefault(
            stream, subscription.version if version is None else min(version, subscription.version)
        )
        self.is_complete = self.is_complete and subscription.is_complete

    async def _version_before_admission(self, stream: Stream) -> int | None:
        """The version before the actor was admitted to a stream that came while they were away."""
        for resource_name, membership in self._hub.authorizer.membership_resources.items():
            if membership.streams[0].kind == stream.kind and self.actor.id is not None:
                version = await self._hub.event_log.fetch_last_event_version(
                    stream, resource_name, self.actor.id, "insert"
                )
                if version:
                    return version - 1
        self.is_complete = False
        return None

    async def _subscribe_on_admission(self, stream: Stream) -> None:
        with suppress(AppError):
            version = await self._version_before_admission(stream)
            subscription = await self._hub.subscribe(self._connection, stream, self, since=version)
            if self._is_stopped:
                self._hub.unsubscribe(stream, self)
                return
            self._subscriptions[stream] = subscription
            self.versions[stream] = version or subscription.version
            subscription.activate()

    def on_new_stream(self, stream: Stream) -> None:
        """Subscribe to a stream that has begun to exist, if it is wanted."""
        if self._is_wanted(stream) and stream not in self._subscriptions and stream.kind in self._wanted:
            self._spawn(self._subscribe_to_new_stream(stream))

    async def _subscribe_to_new_stream(self, stream: Stream) -> None:
        with suppress(AppError):
            if self._hub.is_subscribed(stream, self):
                return
            subscription = await self._hub.subscribe(self._connection, stream, self, since=0)
            self._subscriptions[stream] = subscription
            subscription.activate()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

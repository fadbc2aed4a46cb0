"""Subscribe to many streams as if they were one: all of some kinds that a user may see, also later ones."""

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
"""Kinds of streams, each with the only ids that are wanted, or None for all."""
_MAX_SINGLE_CHECKS = 20
"""Up to so many ids, access is checked one by one; beyond, the streams that the user may see are listed."""


class MultiStreamSubscriber:
    """A subscriber of every wanted stream.

    The caller has started a `SessionMonitor` for the same connection. With `resume_from`, events that were missed
    since those versions come first; `is_complete` is False if some of them are no longer available.
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
        # A token that is limited to projects may not read it, and so does not follow new memberships.
        is_limited = connection.actor.is_resource_limited
        self._user_stream = None if is_limited else hub.authorizer.user_stream(connection.actor)
        self._subscriptions: dict[Stream, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.versions: dict[Stream, int] = {}
        """The version up to which each stream was received."""
        self.is_complete = True

    @property
    def actor(self) -> Actor:
        """On whose behalf it subscribes."""
        return self._connection.actor

    async def start(self) -> None:
        """Subscribe to every wanted stream that exists; events arrive after `activate`."""
        try:
            if self._user_stream is not None:
                # Always, since the user's stream tells of new memberships.
                await self._subscribe(self._user_stream)
            for kind, wanted_ids in self._wanted.items():
                for stream in await self._list_streams(kind, wanted_ids):
                    if stream != self._user_stream:
                        await self._subscribe(stream)
            resumed = self._resume_from or ()
            if any(self._is_wanted(stream) and stream not in self._subscriptions for stream in resumed):
                # Access ended while the client was away, so nobody can replay what it missed.
                self.is_complete = False
            if sees_every_stream(self.actor):
                self._hub.observe_new_streams(self)
        except BaseException:
            self.stop()
            raise

    def activate(self) -> None:
        """Pass on what was missed, and from now on each event as it arrives."""
        for subscription in list(self._subscriptions.values()):
            subscription.activate()

    def stop(self) -> None:
        """Unsubscribe from every stream."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        for stream in list(self._subscriptions):
            self._hub.unsubscribe(stream, self)
        self._subscriptions.clear()
        self._hub.stop_observing_new_streams(self)
        # What the callbacks belong to also refers to this subscriber.
        self._handle_event = self._handle_revoked = _ignore
        self._handle_session_end = _do_nothing

    def replace_connection(self, connection: ActorConnection) -> None:
        """Continue as the same user with a newer token."""
        self._connection = connection

    def on_event(self, event: Event) -> None:
        """Pass an event on, and follow changes of the user's memberships."""
        self.versions[event.stream] = event.version
        if event.stream.kind in self._wanted:
            self._handle_event(event)
        if event.stream == self._user_stream:
            self._apply_membership_change(event)

    def on_revoked(self, stream: Stream) -> None:
        """Forget a stream to which access has ended."""
        self._subscriptions.pop(stream, None)
        self.versions.pop(stream, None)
        self._handle_revoked(stream)

    def on_session_end(self) -> None:
        """Unsubscribe and report that the session is over."""
        if not self._is_stopped:
            handle_session_end = self._handle_session_end
            self.stop()
            handle_session_end()

    def on_new_stream(self, stream: Stream) -> None:
        """Subscribe to a stream that has begun to exist, if it is wanted."""
        if self._is_wanted(stream) and stream not in self._subscriptions:
            self._spawn(self._subscribe_to_new_stream(stream))

    def _apply_membership_change(self, event: Event) -> None:
        change = self._hub.authorizer.parse_membership_change(event)
        if change is None or change.user_id != self.actor.id or not self._is_wanted(change.stream):
            return
        if event.verb == "insert" and change.stream not in self._subscriptions:
            self._spawn(self._subscribe_on_admission(change.stream))
        elif event.verb == "delete" and change.stream in self._subscriptions:
            # That stream has the event too, at the right version; this is for a subscription made a moment too late.
            self._spawn(self._hub.review_access(change.stream, self))

    def _is_wanted(self, stream: Stream) -> bool:
        wanted_ids = self._wanted.get(stream.kind, frozenset())
        return wanted_ids is None or stream.id in wanted_ids

    async def _list_streams(self, kind: str, wanted_ids: frozenset[UUID] | None) -> list[Stream]:
        authorizer = self._hub.authorizer
        if self.actor.is_anonymous:
            return []
        if wanted_ids is not None and len(wanted_ids) <= _MAX_SINGLE_CHECKS:
            authorized = []
            for stream_id in sorted(wanted_ids):
                with suppress(NotFoundError):
                    await authorizer.authorize(self._connection, Stream(kind, stream_id))
                    authorized.append(Stream(kind, stream_id))
            return authorized
        if kind in authorizer.shared_kinds and sees_every_stream(self.actor):
            await self._connection.require_live_session()
            streams = list(await self._hub.event_log.fetch_streams_of_kind(kind))
        else:
            streams = await authorizer.list_streams(self._connection, kind)
        return [stream for stream in streams if wanted_ids is None or stream.id in wanted_ids]

    async def _subscribe(self, stream: Stream) -> None:
        version = None
        if self._resume_from is not None:
            version = self._resume_from.get(stream)
            if version is None:
                version = await self._version_before_admission(stream)
        subscription = await self._hub.subscribe(self._connection, stream, self, since=version, is_authorized=True)
        if self._is_stopped:
            self._hub.unsubscribe(stream, self)
            return
        self._subscriptions[stream] = subscription
        self.versions.setdefault(
            stream, subscription.version if version is None else min(version, subscription.version)
        )
        self.is_complete = self.is_complete and subscription.is_complete

    async def _version_before_admission(self, stream: Stream) -> int | None:
        """Return the version before the user became a member of a stream, None if the log does not have it."""
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


def _ignore(_: object) -> None:
    """Stands for the callbacks of a subscriber that has stopped."""


def _do_nothing() -> None:
    """Stands for the callback without an argument of a subscriber that has stopped."""

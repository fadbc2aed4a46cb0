"""Fan events out: one hub per process reads each new event once and delivers it to all subscribers of its stream.

Subscribing checks the caller's access with a query. Afterwards events keep it right: the event that removes a member
ends their subscription at that version, and they receive nothing later. A subscription may begin at a past version;
then it replays what was missed before anything new.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog

from monynha.core.errors import (
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.engine.realtime.event_log import PAGE_SIZE, Event, EventLog, Stream
from monynha.engine.realtime.stream_authorization import StreamAuthorizer, sees_every_stream
from monynha.engine.realtime.subscriber import Subscriber, Subscription
from monynha.infra.postgres.database import ActorConnection

_log = structlog.get_logger("monynha.hub")
_POLL_INTERVAL_S = 1.0
"""Covers writes by programs that notify nobody, and lost notifications."""
_READ_RETRY_S = 0.2
_MAX_REPLAYED = 10_000
"""How many missed events are replayed; a client that missed more has to fetch its state again."""


class NewStreamObserver(Protocol):
    """Learns of streams without subscribers. Its method returns at once."""

    def on_new_stream(self, stream: Stream) -> None:
        """Receive a stream that was written to and that nobody of this process subscribes to."""


@dataclass(eq=False)
class _SubscribedStream:
    """A stream with subscribers, and the version up to which its events were dispatched."""

    version: int | None = None
    subscriptions: dict[Subscriber, Subscription] = field(default_factory=dict)
    has_ended: bool = False


class Hub:
    """The subscriptions of this process."""

    def __init__(self, event_log: EventLog, authorizer: StreamAuthorizer) -> None:
        self.event_log = event_log
        self.authorizer = authorizer
        resources = authorizer.catalog.resources.items()
        self._logged_resources = {name for name, resource in resources if resource.streams}
        """Those whose events subscribers receive; another may have the name of an event for the hub, as `sessions`."""
        self._streams: dict[Stream, _SubscribedStream] = {}
        self._stale_streams: set[Stream] = set()
        self._has_stale_streams = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._new_stream_observers: dict[NewStreamObserver, str | None] = {}
        """With the kind of stream that they observe, None for all."""

    def start(self) -> None:
        """Begin to read events in the background."""
        for coroutine in (self._read_loop(), self._poll_loop()):
            self._spawn(coroutine)

    async def close(self) -> None:
        """Stop reading events."""
        for task in list(self._tasks):
            task.cancel()

    def notify(self, streams: Iterable[Stream]) -> None:
        """Read these streams soon: they were written to."""
        for stream in streams:
            if stream in self._streams:
                self._stale_streams.add(stream)
                self._has_stale_streams.set()
            else:
                for observer, kind in self._new_stream_observers.items():
                    if kind is None or kind == stream.kind:
                        observer.on_new_stream(stream)

    def notify_all(self) -> None:
        """Read every subscribed stream soon: notifications may have been lost."""
        self.notify(list(self._streams))

    def observe_new_streams(self, observer: NewStreamObserver, *, kind: str | None = None) -> None:
        """Tell the observer of streams that nobody subscribes to, from now on.

        With a kind only of those, and only when a commit is notified: the poll reads all streams of the shared kinds,
        which is done for observers of all kinds.
        """
        self._new_stream_observers[observer] = kind

    def stop_observing_new_streams(self, observer: NewStreamObserver) -> None:
        """Tell the observer nothing more."""
        self._new_stream_observers.pop(observer, None)

    async def subscribe(
        self,
        connection: ActorConnection,
        stream: Stream,
        subscriber: Subscriber,
        *,
        since: int | None = None,
        is_authorized: bool = False,
    ) -> Subscription:
        """Return an inactive subscription, after version `since` if given; NotFoundError without access.

        `is_authorized` skips the check of access, for callers that have made it and learn otherwise when it ends.
        """
        if not is_authorized and stream not in self._streams:
            # Refused before anything is read, so that the time it takes does not tell whether the stream exists.
            await self._authorize(connection, stream, subscriber)
        # Subscribed first and authorized then, so that an event in between that removes the caller is not missed.
        subscription = await self._add_subscription(stream, subscriber)
        try:
            if not is_authorized:
                await self._authorize(connection, stream, subscriber)
            if since is not None:
                await self._replay_missed(stream, subscription, since)
            if subscription.is_revoked:
                raise NotFoundError.for_name(stream.kind)
        except BaseException:
            self.unsubscribe(stream, subscriber)
            raise
        return subscription

    async def _authorize(self, connection: ActorConnection, stream: Stream, subscriber: Subscriber) -> None:
        """Raise NotFoundError or UnauthenticatedError unless the subscriber may receive the stream."""
        if subscriber.sink is None and stream == self.authorizer.user_stream(connection.actor):
            # It is shown no event and only waits for the end of the session, which a limited token may have too.
            await connection.require_live_session()
        else:
            await self.authorizer.authorize(connection, stream)

    def unsubscribe(self, stream: Stream, subscriber: Subscriber) -> None:
        """Close the subscription, if there is one."""
        state = self._streams.get(stream)
        if state is not None:
            subscription = state.subscriptions.pop(subscriber, None)
            if subscription is not None:
                subscription.close()
            if not state.subscriptions:
                del self._streams[stream]

    def is_subscribed(self, stream: Stream, subscriber: Subscriber) -> bool:
        """Whether the subscriber has a subscription to the stream."""
        state = self._streams.get(stream)
        return state is not None and subscriber in state.subscriptions

    async def _add_subscription(self, stream: Stream, subscriber: Subscriber) -> Subscription:
        state = self._streams.get(stream)
        if state is None:
            state = self._streams[stream] = _SubscribedStream()
        if subscriber in state.subscriptions:
            raise RuntimeError("a subscriber subscribes to a stream once")
        subscription = state.subscriptions[subscriber] = Subscription(subscriber, 0)
        if state.version is None:
            try:
                versions = await self.event_log.fetch_versions([stream])
            except BaseException:
                self.unsubscribe(stream, subscriber)
                raise
            if state.version is None:
                state.version = versions.get(stream, 0)
                # A commit between that query and now notified nobody.
                self.notify([stream])
        subscription.version = state.version
        return subscription

    async def _replay_missed(self, stream: Stream, subscription: Subscription, since: int) -> None:
        current_version = subscription.version
        if since > current_version:
            # The client may know of a commit that is not read here yet, or of an event log that no longer exists.
            versions = await self.event_log.fetch_versions([stream])
            if since > versions.get(stream, 0):
                subscription.is_complete = False
            else:
                subscription.pending = [event for event in subscription.pending or [] if event.version > since]
                subscription.version = since
            return
        if current_version - since > _MAX_REPLAYED:
            subscription.is_complete = False
            return
        missed: list[Event] = []
        while since < current_version:
            page = await self.event_log.fetch_events_between(stream, since, current_version, max_events=PAGE_SIZE)
            if not page or page[0].version != since + 1:
                subscription.is_complete = False
                return
            missed += page
            since = page[-1].version
        missed = [event for event in missed if event.resource in self._logged_resources]
        subscription.pending = [*missed, *(subscription.pending or [])]

    async def _read_loop(self) -> None:
        while True:
            await self._has_stale_streams.wait()
            self._has_stale_streams.clear()
            stale_streams, self._stale_streams = self._stale_streams, set()
            versions = {
                stream: state.version
                for stream in stale_streams
                if (state := self._streams.get(stream)) is not None and state.version is not None
            }
            if not versions:
                continue
            try:
                events = await self.event_log.fetch_events_after(versions)
            except Exception as error:
                # Whatever it is: a loop that ended would leave every subscriber without events, and tell nobody.
                if not isinstance(error, UnavailableError):
                    _log.error("failed to read events", err={"type": type(error).__name__})
                await asyncio.sleep(_READ_RETRY_S)
                self.notify(stale_streams)
                continue
            for event in events:
                self._dispatch(event)
            event_counts = Counter(event.stream for event in events)
            self.notify(stream for stream, count in event_counts.items() if count == PAGE_SIZE)

    async def _poll_loop(self) -> None:
        former_streams: set[Stream] = set()
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            # The next poll comes; as above, whatever it is.
            with suppress(Exception):
                kinds = self.authorizer.shared_kinds if None in self._new_stream_observers.values() else ()
                streams = [stream for stream in self._streams if stream.kind not in kinds]
                versions = await self.event_log.fetch_versions(streams) if streams else {}
                for kind in kinds:
                    versions |= await self.event_log.fetch_streams_of_kind(kind)
                # Observers learn of a stream once, when it is new; the stream of a deleted row stays in the table.
                new_streams = [
                    stream for stream in versions if stream not in self._streams and stream not in former_streams
                ]
                behind = [stream for stream, version in versions.items() if self._is_behind(stream, version)]
                self.notify([*new_streams, *behind])
                former_streams = set(versions)

    def _is_behind(self, stream: Stream, version: int) -> bool:
        state = self._streams.get(stream)
        return state is not None and state.version is not None and state.version < version

    def _dispatch(self, event: Event) -> None:
        state = self._streams.get(event.stream)
        if state is None or state.version is None or event.version <= state.version:
            return
        state.version = event.version
        if event.resource not in self._logged_resources:
            # About a user's account or session, in the stream of the user: for the hub, not for subscribers.
            self._spawn(self._review_sessions(event.stream, of_row=event.row_id))
            return
        ends_stream = event.verb == "delete" and self.authorizer.ends_stream(event)
        state.has_ended = state.has_ended or ends_stream
        for subscription in list(state.subscriptions.values()):
            try:
                subscription.deliver(event)
            except Exception as error:
                # An error of one subscriber must not keep the event from the others.
                _log.error("a subscriber failed", err={"type": type(error).__name__, "message": str(error)})
        if event.verb == "delete" and not state.has_ended:
            self._revoke_access(event, state)
        if ends_stream:
            self._spawn(self._review_sessions(event.stream))

    def _revoke_access(self, event: Event, state: _SubscribedStream) -> None:
        removal = self.authorizer.parse_membership_change(event)
        if removal is None or removal.stream != event.stream:
            return
        for subscriber, subscription in list(state.subscriptions.items()):
            actor = subscriber.actor
            if actor.id == removal.user_id and not sees_every_stream(actor):
                subscription.is_revoked = True
                self.unsubscribe(event.stream, subscriber)
                subscriber.on_revoked(event.stream)

    async def _review_sessions(self, stream: Stream, *, of_row: UUID | None = None) -> None:
        """Check again all subscribers of a stream, or those whose account or session `of_row` is."""
        state = self._streams.get(stream)
        for subscriber in list(state.subscriptions) if state is not None else []:
            actor = subscriber.actor
            if of_row is not None and of_row not in (actor.id, actor.session_id):
                continue
            if self.is_subscribed(stream, subscriber):
                await self._review_session(subscriber)

    async def _review_session(self, subscriber: Subscriber) -> None:
        """Check a subscriber's session again, then the access to every stream of all subscribers of its user."""
        connection = self.event_log.database.as_actor(subscriber.actor)
        try:
            await _retry_until_available(connection.require_live_session)
        except (UnauthenticatedError, ForbiddenError):
            subscriber.on_session_end()
            return
        for stream, state in list(self._streams.items()):
            same_user = [other for other in state.subscriptions if other.actor.id == subscriber.actor.id]
            for other in same_user:
                await self.review_access(stream, other)

    async def review_access(self, stream: Stream, subscriber: Subscriber) -> None:
        """Check a subscriber's access to a stream again, and end the subscription if it is gone."""
        connection = self.event_log.database.as_actor(subscriber.actor)
        try:
            await _retry_until_available(lambda: self._authorize(connection, stream, subscriber))
        except (NotFoundError, UnauthenticatedError, ForbiddenError):
            if self.is_subscribed(stream, subscriber):
                self.unsubscribe(stream, subscriber)
                subscriber.on_revoked(stream)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _retry_until_available(operation: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await operation()
        except (NotFoundError, UnauthenticatedError, ForbiddenError):
            raise
        except Exception:
            # Not answered, for whatever reason: a lost right must not outlast that.
            await asyncio.sleep(_POLL_INTERVAL_S)

"""The third verb: hear what happens. One hub a process reads each event once and hands it to all who listen.

A listener joins a stream, which proves their right by a query. Events that expel somebody cut them off at
their own place in the stream, and nothing later reaches them. Whoever joins at a version that is past first
hears what they missed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from monynha.core.errors import AppError, NotFoundError, UnauthenticatedError, UnavailableError
from monynha.engine.realtime.event_log import PAGE_SIZE, Event, EventLog, Stream
from monynha.engine.realtime.stream_authorization import StreamAuthorizer, sees_every_stream
from monynha.engine.realtime.subscriber import Subscriber, Subscription
from monynha.infra.postgres.database import ActorConnection

_log = structlog.get_logger("monynha.hub")
_POLL_INTERVAL_S = 1.0
_MAX_REPLAYED = 10_000
_ACCOUNT_RESOURCES = frozenset({"sessions", "accounts"})
"""What the history tells of accounts: it is for the hub, and nobody hears it."""


@dataclass(eq=False)
class _SubscribedStream:
    """The end of a stream that somebody listens to."""

    version: int | None = None
    subscriptions: dict[Subscriber, Subscription] = field(default_factory=dict)
    has_ended: bool = False


class Hub:
    """Reads what happens in the streams that somebody of this process listens to."""

    def __init__(self, event_log: EventLog, authorizer: StreamAuthorizer) -> None:
        self.event_log = event_log
        self.authorizer = authorizer
        self._streams: dict[Stream, _SubscribedStream] = {}
        self._stale_streams: set[Stream] = set()
        self._is_stale = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.new_stream_callbacks: list[Callable[[Stream], None]] = []
        """Told of every stream that was written to and that nobody listens to."""

    def start(self) -> None:
        """Read from now on, in the background."""
        for coroutine in (self._read_loop(), self._poll_loop()):
            self._spawn(coroutine)

    async def close(self) -> None:
        """Stop reading."""
        for task in list(self._tasks):
            task.cancel()

    def notify(self, streams: Iterable[Stream]) -> None:
        """Look at these streams soon: they were written to."""
        for stream in streams:
            if stream in self._streams:
                self._stale_streams.add(stream)
                self._is_stale.set()
            else:
                for callback in self.new_stream_callbacks:
                    callback(stream)

    def notify_all(self) -> None:
        """Look at every stream soon: a wake-up may have been lost."""
        self.notify(list(self._streams))

    async def subscribe(
        self,
        connection: ActorConnection,
        stream: Stream,
        subscriber: Subscriber,
        *,
        since: int | None = None,
        is_authorized: bool = False,
    ) -> Subscription:
        """Return a seat at the stream, from `since` on; NotFound where the actor may not hear it.

        `is_proven` is for whoever hears of the right's end by other means, as by the person's own stream.
        """
        if not is_authorized and stream not in self._streams:
            # Strangers hear no as fast, whether somebody listens there, nobody does, or nothing is there.
            await self.authorizer.authorize(connection, stream)
        # Seated first and proven then: an event that expels them in between finds them.
        subscription = await self._add_subscription(stream, subscriber)
        try:
            if not is_authorized:
                await self.authorizer.authorize(connection, stream)
            if since is not None:
                await self._replay_missed(stream, subscription, since)
            if subscription.is_revoked:
                raise NotFoundError()
        except BaseException:
            self.unsubscribe(stream, subscriber)
            raise
        return subscription

    def unsubscribe(self, stream: Stream, subscriber: Subscriber) -> None:
        """Give the seat back."""
        state = self._streams.get(stream)
        if state is not None:
            subscription = state.subscriptions.pop(subscriber, None)
            if subscription is not None:
                subscription.close()
            if not state.subscriptions:
                del self._streams[stream]

    def is_subscribed(self, stream: Stream, subscriber: Subscriber) -> bool:
        """Whether the listener has a seat at the stream."""
        state = self._streams.get(stream)
        return state is not None and subscriber in state.subscriptions

    async def _add_subscription(self, stream: Stream, subscriber: Subscriber) -> Subscription:
        state = self._streams.get(stream)
        if state is None:
            state = self._streams[stream] = _SubscribedStream()
        assert subscriber not in state.subscriptions, "one seat a listener"
        subscription = state.subscriptions[subscriber] = Subscription(subscriber, 0)
        if state.version is None:
            try:
                versions = await self.event_log.fetch_versions([stream])
            except BaseException:
                self.unsubscribe(stream, subscriber)
                raise
            if state.version is None:
                state.version = versions.get(stream, 0)
                # What was written between the reading and now woke nobody.
                self.notify([stream])
        subscription.version = state.version
        return subscription

    async def _replay_missed(self, stream: Stream, subscription: Subscription, since: int) -> None:
        current_version = subscription.version
        if since > current_version:
            # They may know of a commit that is not read here yet, or of a history that is no more.
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
        missed = [event for event in missed if event.resource not in _ACCOUNT_RESOURCES]
        subscription.pending = [*missed, *(subscription.pending or [])]

    async def _read_loop(self) -> None:
        while True:
            await self._is_stale.wait()
            self._is_stale.clear()
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
            except AppError as error:
                if not isinstance(error, UnavailableError):
                    _log.error("failed to read", err={"type": type(error).__name__})
                await asyncio.sleep(0.2)
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
            with suppress(AppError):
                polled_kinds = self.authorizer.shared_kinds if self.new_stream_callbacks else ()
                named_streams = [one for one in self._streams if one.kind not in polled_kinds]
                versions = await self.event_log.fetch_versions(named_streams) if named_streams else {}
                for kind in polled_kinds:
                    versions |= await self.event_log.fetch_streams_of_kind(kind)
                # What nobody listens to is told once, when it is new: of what is gone the stream remains.
                new_streams = [one for one in versions if one not in self._streams and one not in former_streams]
                self.notify(
                    [
                        *new_streams,
                        *(one for one, version in versions.items() if self._is_behind(one, version)),
                    ]
                )
                former_streams = set(versions)

    def _is_behind(self, stream: Stream, version: int) -> bool:
        state = self._streams.get(stream)
        return state is not None and state.version is not None and state.version < version

    def _dispatch(self, event: Event) -> None:
        state = self._streams.get(event.stream)
        if state is None or state.version is None or event.version <= state.version:
            return
        state.version = event.version
        if event.resource in _ACCOUNT_RESOURCES:
            self._spawn(self._review_account_sessions(event))
            return
        state.has_ended = state.has_ended or self.authorizer.ends_stream(event)
        for subscription in list(state.subscriptions.values()):
            try:
                subscription.deliver(event)
            except Exception as error:
                # One listener's fault is not another's loss.
                _log.error("a listener failed", err={"type": type(error).__name__, "message": str(error)})
        if event.verb == "delete" and not state.has_ended:
            self._revoke_member(event, state)
        if self.authorizer.ends_stream(event):
            self._spawn(self._review_account_sessions(event))

    def _revoke_member(self, event: Event, state: _SubscribedStream) -> None:
        removal = self.authorizer.parse_membership_change(event)
        if removal is None or removal[0] != event.stream:
            return
        for subscriber, subscription in list(state.subscriptions.items()):
            actor = subscriber.actor
            if actor.id == removal[1] and not sees_every_stream(actor.kind, is_admin=actor.is_admin):
                subscription.is_revoked = True
                self.unsubscribe(event.stream, subscriber)
                subscriber.on_revoked(event.stream)

    async def _review_account_sessions(self, event: Event) -> None:
        """Something happened to somebody's account or session: whoever may no longer listen is told."""
        state = self._streams.get(event.stream)
        for subscriber in list(state.subscriptions) if state is not None else []:
            actor = subscriber.actor
            if event.resource == "sessions" and actor.session_id != event.row_id:
                continue
            await self.review_session(subscriber)

    async def review_session(self, subscriber: Subscriber) -> None:
        """Prove every right of a listener's actor anew: lost streams are told, or the end of the session."""
        connection = self.event_log.database.as_actor(subscriber.actor)
        try:
            await _retry_until_available(connection.require_live_session)
        except UnauthenticatedError:
            subscriber.on_session_end()
            return
        for stream, state in list(self._streams.items()):
            for other_subscriber in [each for each in state.subscriptions if each.actor.id == subscriber.actor.id]:
                await self.review_access(stream, other_subscriber)

    async def review_access(self, stream: Stream, subscriber: Subscriber) -> None:
        """Prove a listener's right to one stream anew; where it is gone the stream is lost."""
        connection = self.event_log.database.as_actor(subscriber.actor)
        try:
            await _retry_until_available(lambda: self.authorizer.authorize(connection, stream))
        except (NotFoundError, UnauthenticatedError):
            if self.is_subscribed(stream, subscriber):
                self.unsubscribe(stream, subscriber)
                subscriber.on_revoked(stream)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _retry_until_available(operation: Callable[[], Awaitable[None]]) -> None:
    """Do it once the database is there."""
    while True:
        try:
            return await operation()
        except UnavailableError:
            await asyncio.sleep(_POLL_INTERVAL_S)

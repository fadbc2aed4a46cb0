"""One subscription under way: the listener of its stream, or a guest of its room."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from monynha.core.actor import Actor
from monynha.core.errors import (
    AppError,
    InternalError,
    NotFoundError,
    PreconditionFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.engine.realtime.broadcast import Broadcaster, stream_room
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.subscriber import Sink
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.subscriptions.payload import EventPayload
from monynha.protocols.graphql.subscriptions.plan import SubscriptionPlan
from monynha.protocols.graphql.subscriptions.single_flight import EventQueryRunner

_PENDING_HIGH_WATER, _MAX_PENDING = 500, 5_000
_TOO_MANY_EVENTS = "More happens than can be told; ask for less, or listen again."
_MAX_CONCURRENT_REPLAYS = 2
_MAX_ATTEMPTS = 30
_RETRY_DELAY_S = 1.0


class ResultSink(Protocol):
    """Where the answers of one subscription go. Its methods return at once."""

    @property
    def sink(self) -> Sink:
        """What takes them to the other side."""

    def next(self, result: bytes) -> None:
        """Take an answer."""

    def fail(self, error: AppError) -> None:
        """Take the last word: why there are no more."""


@dataclass(frozen=True)
class SubscriptionServices:
    """What every subscription needs."""

    hub: Hub
    broadcast: Broadcaster
    event_queries: EventQueryRunner
    replay_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_CONCURRENT_REPLAYS))
    """What was missed is held in memory until it is told."""


class GraphQLSubscription:
    """Hears one stream and tells its sink, in order, until somebody stops it."""

    def __init__(
        self,
        services: SubscriptionServices,
        plan: SubscriptionPlan,
        connection: ActorConnection,
        sink: ResultSink,
    ) -> None:
        self._services = services
        self._plan = plan
        self.connection = connection
        self._sink = sink
        self._pending: deque[EventPayload] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False

    @property
    def actor(self) -> Actor:
        """Who listens."""
        return self.connection.actor

    @property
    def sink(self) -> GraphQLSubscription:
        """Itself: what is heard waits for what has to be asked first, and for the other side to read."""
        return self

    @property
    def is_full(self) -> bool:
        """Whether more should wait."""
        return len(self._pending) >= _PENDING_HIGH_WATER or self._sink.sink.is_full

    async def drain(self) -> None:
        """Return once most is told and read."""
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._sink.sink.drain()

    def disconnect(self) -> None:
        """End: more happens than is read."""
        self._fail(UnavailableError(_TOO_MANY_EVENTS))

    async def start(self) -> None:
        """Take a seat at the stream and tell from now on, or from the position that was given."""
        if self._plan.resume_version is None:
            await self._subscribe()
        else:
            async with self._services.replay_slots:
                await self._subscribe()

    async def _subscribe(self) -> None:
        stream = self._plan.stream
        subscription = await self._services.hub.subscribe(
            self.connection, stream, self, since=self._plan.resume_version
        )
        if not subscription.is_complete:
            self.stop()
            raise PreconditionFailedError("Not all that you missed is known any more; ask anew, and then listen.")
        if self._is_stopped:
            # Whoever asked for it has left while it was proven that they may.
            self.stop()
            return
        self._services.broadcast.join(stream_room(stream), self)
        subscription.activate()

    def stop(self) -> None:
        """Hear no more."""
        self._is_stopped = True
        self._pending.clear()
        self._services.hub.unsubscribe(self._plan.stream, self)
        self._services.broadcast.leave(stream_room(self._plan.stream), self)

    # What the hub and the rooms say.

    def on_event(self, event: Event) -> None:
        """Take an event."""
        self._enqueue(self._plan.payload_of_event(event))

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Take what others show; of what waits only the latest of each person is worth telling."""
        payload = self._plan.payload_of_broadcast(message)
        if payload is not None and self._pending:
            user_id = payload.values["userId"]
            self._pending = deque(one for one in self._pending if one.values["userId"] != user_id)
        self._enqueue(payload)

    def on_revoked(self, stream: Stream) -> None:
        """End: it may not be heard any more."""
        self._fail(NotFoundError())

    def on_session_end(self) -> None:
        """End: the session is over."""
        self._fail(UnauthenticatedError("The session is over."))

    def _enqueue(self, payload: EventPayload | None) -> None:
        if payload is None or self._is_stopped:
            return
        if self._plan.text is None:
            self._sink.next(self._plan.result_without_query(payload))
        elif len(self._pending) >= _MAX_PENDING:
            self.disconnect()
        else:
            self._pending.append(payload)
            if self._task is None:
                self._task = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        """Tell what waits, one after the other, so that order is kept."""
        try:
            while self._pending:
                result = await self._fetch_result(self._pending.popleft())
                if self._is_stopped:
                    return
                self._sink.next(result)
        except AppError as error:
            self._fail(error)
        except Exception:
            self._fail(InternalError())
            raise
        finally:
            self._task = None

    async def _fetch_result(self, payload: EventPayload) -> bytes:
        for _ in range(_MAX_ATTEMPTS):
            try:
                return await self._services.event_queries.fetch(self._plan, payload, self.connection)
            except UnavailableError:
                # It is told once the database is there again.
                await asyncio.sleep(_RETRY_DELAY_S)
        raise UnavailableError()

    def _fail(self, error: AppError) -> None:
        if not self._is_stopped:
            self.stop()
            self._sink.fail(error)

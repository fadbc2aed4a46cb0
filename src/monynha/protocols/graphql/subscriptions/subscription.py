"""One running subscription: receives the events of a stream from the hub and sends their results, in order."""

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
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.engine.realtime.broadcast import Broadcaster, stream_room
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.subscriber import Sink
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.subscriptions.event_budget import EventBudget
from monynha.protocols.graphql.subscriptions.plan import EventPayload, SubscriptionPlan
from monynha.protocols.graphql.subscriptions.single_flight import EventQueryRunner

_PENDING_HIGH_WATER, _MAX_PENDING = 500, 5_000
_TOO_MANY_EVENTS = "There are more events than can be sent. Select less, or subscribe again."
_MAX_CONCURRENT_REPLAYS = 2
_MAX_ATTEMPTS = 30
_RETRY_DELAY_S = 1.0


class ResultSink(Protocol):
    """Where the results of one subscription go. Its methods do not block."""

    @property
    def sink(self) -> Sink:
        """What takes them to the client, with its back-pressure."""

    def next(self, result: bytes) -> None:
        """Send a result."""

    def fail(self, error: AppError) -> None:
        """Send an error as the last message."""


@dataclass(frozen=True)
class SubscriptionServices:
    """What all subscriptions of the process share."""

    hub: Hub
    broadcaster: Broadcaster
    event_queries: EventQueryRunner
    replay_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_CONCURRENT_REPLAYS))
    """Missed events are held in memory until they are sent, so few subscriptions replay at the same time."""


class GraphQLSubscription:
    """A subscriber of one stream and a member of its room, until it is stopped.

    `event_budget` is that of a connection with several subscriptions, to which this one was added.
    """

    def __init__(
        self,
        services: SubscriptionServices,
        plan: SubscriptionPlan,
        connection: ActorConnection,
        sink: ResultSink,
        *,
        event_budget: EventBudget | None = None,
    ) -> None:
        self._event_budget = event_budget
        self._services = services
        self._plan = plan
        self.connection = connection
        self._sink = sink
        self._pending: deque[EventPayload] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False

    @property
    def actor(self) -> Actor:
        """The caller."""
        return self.connection.actor

    @property
    def sink(self) -> GraphQLSubscription:
        """Itself: events wait for the queries before them as well as for the client."""
        return self

    @property
    def is_full(self) -> bool:
        """Whether the hub should hold further events back."""
        return len(self._pending) >= _PENDING_HIGH_WATER or self._sink.sink.is_full

    async def drain(self) -> None:
        """Wait until pending events are sent and the client has read most of them."""
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._sink.sink.drain()

    def disconnect(self) -> None:
        """End with an error, since events come faster than they are read."""
        self._fail(UnavailableError(_TOO_MANY_EVENTS))

    async def start(self) -> None:
        """Subscribe from now on, or from the version to resume at.

        Raises NotFoundError where the actor may not see the stream, and PreconditionFailedError where events that
        were missed are no longer stored.
        """
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
            raise PreconditionFailedError(
                "Some of the events since then are no longer stored. Query again, then subscribe without `since`."
            )
        if self._is_stopped:
            # The client left while the hub authorized the subscription.
            self.stop()
            return
        self._services.broadcaster.join(stream_room(stream), self)
        subscription.activate()

    def stop(self) -> None:
        """Unsubscribe, and send nothing more."""
        self._is_stopped = True
        self._pending.clear()
        if self._event_budget is not None:
            self._event_budget.remove(self._plan)
        self._services.hub.unsubscribe(self._plan.stream, self)
        self._services.broadcaster.leave(stream_room(self._plan.stream), self)

    # Called by the hub and the broadcaster.

    def on_event(self, event: Event) -> None:
        """Handle an event of the stream."""
        self._enqueue(self._plan.payload_of_event(event))

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Handle an ephemeral event; of those still pending, only the latest of each user is kept."""
        payload = self._plan.payload_of_broadcast(message)
        if payload is not None and self._pending:
            user_id = payload.values["userId"]
            self._pending = deque(pending for pending in self._pending if pending.values["userId"] != user_id)
        self._enqueue(payload)

    def on_revoked(self, stream: Stream) -> None:
        """End with an error: the actor may not see the stream any more."""
        self._fail(NotFoundError.for_name(stream.kind))

    def on_session_end(self) -> None:
        """End with an error: the session is over."""
        self._fail(UnauthenticatedError("The session is over."))

    def _enqueue(self, payload: EventPayload | None) -> None:
        if payload is None or self._is_stopped:
            return
        if self._plan.query is None:
            self._sink.next(self._plan.result_without_query(payload))
        elif len(self._pending) >= _MAX_PENDING:
            self.disconnect()
        else:
            self._pending.append(payload)
            if self._task is None:
                self._task = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        """Send the results of pending events one after the other, which keeps their order."""
        try:
            while self._pending:
                payload = self._pending.popleft()
                result = await self._fetch_result(payload)
                if self._is_stopped:
                    return
                if self._event_budget is not None:
                    self._event_budget.count(payload, result)
                self._sink.next(result)
                if self._sink.sink.is_full:
                    await self._sink.sink.drain()
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
            except (UnavailableError, RateLimitedError):
                # Sent once the database is reachable again, or less is asked of it at once.
                await asyncio.sleep(_RETRY_DELAY_S)
        raise UnavailableError()

    def _fail(self, error: AppError) -> None:
        if not self._is_stopped:
            self.stop()
            self._sink.fail(error)

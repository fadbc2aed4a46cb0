"""Queries for events, made once for all subscribers that are shown the same (single flight)."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakValueDictionary

from monynha.core.errors import AppError, InternalError, NotFoundError, UnauthenticatedError
from monynha.engine.query.parameter import PreparedQuery
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.subscriptions.plan import EventPayload, SubscriptionPlan

_MAX_CONCURRENT_FETCHES = 4
"""Keeps most connections free for requests, however many events there are."""


@dataclass(frozen=True)
class EventQueryRunner:
    """Runs the queries of all subscriptions of this process, one at a time for each actor.

    An actor with many costly subscriptions delays only their own results.
    """

    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_CONCURRENT_FETCHES))
    _actor_locks: WeakValueDictionary[UUID | None, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def fetch(self, plan: SubscriptionPlan, payload: EventPayload, connection: ActorConnection) -> bytes:
        """Return the whole result of an event; NotFoundError if the actor may not see the stream any more."""
        query = plan.query
        # A plan without a query has its results from the payload alone.
        assert query is not None
        binds = query.bind(payload)
        # What everybody may read is hidden from a token that is limited to projects.
        is_shared = plan.is_shared and not connection.actor.is_resource_limited
        key: Hashable = (query.text, repr(binds), None if is_shared else connection.actor)
        while True:
            # The task is looked up under the actor's lock, since another subscriber may have begun it meanwhile.
            async with self._actor_locks.setdefault(connection.actor.id, asyncio.Lock()):
                task = payload.fetches.get(key)
                is_leader = task is None
                if task is None:
                    task = payload.fetches[key] = asyncio.create_task(self._execute(query, binds, connection))
                try:
                    return plan.wrap(await asyncio.shield(task))
                except AppError as error:
                    # What one actor may not see, and a failure that is over, are not the others' result.
                    if payload.fetches.get(key) is task:
                        del payload.fetches[key]
                    if is_leader or not isinstance(error, NotFoundError | UnauthenticatedError):
                        raise

    async def _execute(
        self, query: PreparedQuery[EventPayload], binds: list[object], connection: ActorConnection
    ) -> bytes:
        async with self._slots:
            try:
                data = await connection.fetch_json(query.text, binds)
            except AppError:
                raise
            except Exception as error:
                raise InternalError() from error
        if data is None:
            raise NotFoundError.for_name(query.scope_name)
        return data

"""Asks what a subscription shows with an event: once for all hearers where all are shown the same."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakValueDictionary

from monynha.core.errors import AppError, InternalError, NotFoundError, UnauthenticatedError
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.subscriptions.payload import EventPayload
from monynha.protocols.graphql.subscriptions.plan import SubscriptionPlan

_MAX_CONCURRENT_FETCHES = 4
"""How many may be asked at the same time, so that what is heard never holds up what is asked."""


@dataclass(frozen=True)
class EventQueryRunner:
    """Asks for all subscriptions of this process, one at a time for each person.

    Whoever subscribes to much that is dear waits for themselves, and nobody waits for them.
    """

    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_CONCURRENT_FETCHES))
    _actor_locks: WeakValueDictionary[UUID | None, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def fetch(self, plan: SubscriptionPlan, payload: EventPayload, connection: ActorConnection) -> bytes:
        """Return the whole answer; NotFound for who may not hear the stream any more."""
        values = plan.resolve_binds(payload)
        actor = None if plan.is_shared else connection.actor
        key: Hashable = ("asked", plan.text, repr(values), actor)
        while True:
            # Looked for when it is their turn: meanwhile somebody else may have asked.
            async with self._actor_locks.setdefault(connection.actor.id, asyncio.Lock()):
                task: asyncio.Task[bytes] | None = payload.cache.get(key)
                is_leader = task is None
                if task is None:
                    task = payload.cache[key] = asyncio.create_task(self._execute(plan, values, connection))
                try:
                    return plan.wrap(await asyncio.shield(task))
                except AppError as error:
                    # Nobody else is told by what kept one asker out, or by a failure that is over.
                    if payload.cache.get(key) is task:
                        del payload.cache[key]
                    if is_leader or not isinstance(error, NotFoundError | UnauthenticatedError):
                        raise

    async def _execute(self, plan: SubscriptionPlan, values: list[object], connection: ActorConnection) -> bytes:
        assert plan.text is not None
        async with self._slots:
            try:
                data = await connection.fetch_json(plan.text, values)
            except AppError:
                raise
            except Exception as error:
                raise InternalError() from error
        if data is None:
            raise NotFoundError()
        return data

"""Asks what a subscription shows with an event: once for all hearers where all are shown the same."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakValueDictionary

from monynha.core.errors import Fault, Internal, NotFound, Unauthenticated
from monynha.infra.postgres.database import Acting
from monynha.protocols.graphql.telling import Telling
from monynha.protocols.graphql.told import Told

_AT_ONCE = 4
"""How many may be asked at the same time, so that what is heard never holds up what is asked."""


@dataclass(frozen=True)
class Teller:
    """Asks for all subscriptions of this process, one at a time for each person.

    Whoever subscribes to much that is dear waits for themselves, and nobody waits for them.
    """

    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _own_turns: WeakValueDictionary[UUID | None, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def answer(self, telling: Telling, told: Told, acting: Acting) -> bytes:
        """Return the whole answer; NotFound for who may not hear the stream any more."""
        values = telling.values(told)
        asker = None if telling.is_common else acting.actor
        key: Hashable = ("asked", telling.text, repr(values), asker)
        while True:
            # Looked for when it is their turn: meanwhile somebody else may have asked.
            async with self._own_turns.setdefault(acting.actor.id, asyncio.Lock()):
                asking: asyncio.Task[bytes] | None = told.made.get(key)
                is_mine = asking is None
                if asking is None:
                    asking = told.made[key] = asyncio.create_task(self._ask(telling, values, acting))
                try:
                    return telling.answer(await asyncio.shield(asking))
                except Fault as fault:
                    # Nobody else is told by what kept one asker out, or by a failure that is over.
                    if told.made.get(key) is asking:
                        del told.made[key]
                    if is_mine or not isinstance(fault, NotFound | Unauthenticated):
                        raise

    async def _ask(self, telling: Telling, values: list[object], acting: Acting) -> bytes:
        assert telling.text is not None
        async with self._turns:
            try:
                found = await acting.ask(telling.text, values)
            except Fault:
                raise
            except Exception as error:
                raise Internal() from error
        if found is None:
            raise NotFound()
        return found

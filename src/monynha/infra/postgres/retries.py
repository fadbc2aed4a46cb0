"""Run a transaction again that lost a race, or that waited for a lock where others wait for its connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from monynha.core.errors import UnavailableError
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.errors import LockTimeoutError, RetryTransactionError

_MAX_ATTEMPTS = 4
_Result = TypeVar("_Result")


async def with_retries(
    connection: ActorConnection, attempt: Callable[[ActorConnection], Awaitable[_Result]]
) -> _Result:
    """Run a transaction; if it loses a race (deadlock, serialisation failure), run it again, with random delays.

    If it waits for a lock for too long, it goes on waiting on a connection where it holds up only its like.
    Every transaction of a user's request runs in here, or is answered with a 503 when a lock is held for long.
    """
    for attempt_number in range(1, _MAX_ATTEMPTS):
        try:
            return await attempt(connection)
        except RetryTransactionError:
            await asyncio.sleep(random.uniform(0.005, 0.02) * attempt_number)
        except LockTimeoutError:
            connection = connection.patient()
    try:
        return await attempt(connection)
    except RetryTransactionError:
        raise UnavailableError() from None

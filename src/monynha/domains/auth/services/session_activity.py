"""Session activity: when sessions are used, stored so rarely that a request costs nothing.

A refresh, about once an hour, stores a time anyway. Between two refreshes a use is stored at most every 15 minutes, and
for all sessions of some seconds in one statement.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog

from monynha.core.actor import system_actor
from monynha.core.errors import AppError
from monynha.infra.postgres.database import Database

INTERVAL_S = 15 * 60
"""How old the stored time may become; the API's documentation says so."""
_DELAY_S = 10.0
"""For how long uses are collected before they are stored."""
_MAX_NOTED = 16_384
_AUTH = system_actor("auth")
_log = structlog.get_logger("monynha.auth")

# Locked in order and only where nobody else has the row, so that it neither waits nor deadlocks.
_STORE = """
update auth.sessions set last_used_at = now()
where id = any (array(
  select id from auth.sessions
  where id = any ($1::uuid[]) and greatest(created_at, refreshed_at, last_used_at) < now() - $2::float * interval '1 s'
  order by id for no key update skip locked
))
"""


class SessionActivity:
    """Notes uses of sessions in memory, and stores them in the background."""

    def __init__(self, database: Database, *, interval_s: float = INTERVAL_S, delay_s: float = _DELAY_S) -> None:
        self._database = database
        self._interval_s = interval_s
        self._delay_s = delay_s
        self._noted_at: dict[UUID, float] = {}
        self._pending: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, session_id: UUID) -> None:
        """Note that a session is used now."""
        now = time.monotonic()
        noted_at = self._noted_at.get(session_id)
        if noted_at is not None and now - noted_at < self._interval_s:
            return
        if len(self._noted_at) >= _MAX_NOTED:
            # Forget the oldest: dictionaries keep the order of insertion.
            del self._noted_at[next(iter(self._noted_at))]
        self._noted_at.pop(session_id, None)
        self._noted_at[session_id] = now
        self._pending.add(session_id)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._store_later())

    def close(self) -> None:
        """Forget what is not stored yet."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _store_later(self) -> None:
        try:
            await asyncio.sleep(self._delay_s)
            session_ids, self._pending = list(self._pending), set()
            async with self._database.as_actor(_AUTH).transaction() as transaction:
                await transaction.execute(_STORE, session_ids, self._interval_s)
        except AppError as error:
            # A time that is not stored is one that the next use stores.
            _log.warning("uses of sessions were not stored", err={"type": type(error).__name__})
        finally:
            self._task = None

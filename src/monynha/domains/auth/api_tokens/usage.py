"""Records when API tokens were last used: some seconds later, and for each token at most every five minutes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from monynha.core.clock import Clock
from monynha.core.errors import AppError
from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR
from monynha.infra.postgres.database import Database

_log = structlog.get_logger("monynha.auth")
_DELAY_S = 2.0
_INTERVAL = timedelta(minutes=5)
_MAX_REMEMBERED = 10_000
_UPDATE = """
update public.api_tokens as t set last_used_at = u.used_at
from unnest($1::uuid[], $2::timestamptz[]) as u (id, used_at)
where t.id = u.id and (t.last_used_at is null or t.last_used_at < u.used_at)
"""


@dataclass
class ApiTokenUsage:
    """The tokens that this process has seen lately."""

    database: Database
    clock: Clock
    delay_s: float = _DELAY_S
    _recorded: dict[UUID, datetime] = field(default_factory=dict)
    _pending: dict[UUID, datetime] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    def record(self, token_id: UUID) -> None:
        """Note that a token was used; it is written later, so that requests do not wait for it."""
        now = self.clock()
        recorded_at = self._recorded.get(token_id)
        if recorded_at is not None and now - recorded_at < _INTERVAL:
            return
        if len(self._recorded) >= _MAX_REMEMBERED:
            self._recorded.clear()
        self._recorded[token_id] = self._pending[token_id] = now
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_later())

    def close(self) -> None:
        """Write nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _write_later(self) -> None:
        try:
            while self._pending:
                await asyncio.sleep(self.delay_s)
                pending, self._pending = self._pending, {}
                async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
                    await transaction.execute(_UPDATE, list(pending), list(pending.values()))
        except AppError as error:
            # The next use after the interval is recorded again.
            _log.warning("the last use of API tokens was not recorded", err={"type": type(error).__name__})
        finally:
            self._task = None

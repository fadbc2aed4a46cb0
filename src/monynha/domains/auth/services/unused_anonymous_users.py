"""Deletes anonymous users who have not come back, with everything they made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR
from monynha.infra.postgres.database import Database

BATCH_SIZE = 100
"""How many are deleted in one transaction: each takes its projects along."""

_DELETE_UNUSED = """
delete from auth.users where id = any (array(
  select u.id from auth.users u
  where u.is_anonymous and u.created_at <= $1
    and not exists (
      select from auth.sessions s where s.user_id = u.id and coalesce(s.refreshed_at, s.created_at) > $1
    )
  order by u.created_at limit $2 for update skip locked
))
"""


@dataclass(frozen=True)
class UnusedAnonymousUsers:
    """Anonymous users without a session that was used within the retention; None keeps all."""

    database: Database
    retention_days: int | None
    batch_size: int = BATCH_SIZE

    async def delete(self, now: datetime) -> int:
        """Delete them; return how many.

        An access token is refreshed within an hour, so a session that was not refreshed was not used.
        """
        if self.retention_days is None:
            return 0
        total = 0
        while True:
            deleted = await self._delete_batch(now - timedelta(days=self.retention_days))
            total += deleted
            if deleted < self.batch_size:
                return total

    async def _delete_batch(self, last_used_before: datetime) -> int:
        # Their row is locked, so that one who becomes permanent at the same time is kept.
        async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
            return await transaction.execute(_DELETE_UNUSED, last_used_before, self.batch_size)

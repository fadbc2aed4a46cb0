"""Audit events that are older than they are kept: read and deleted by seal. What is not sealed is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

_CLEAN_UP = system_actor("clean-up")
"""The actor whom the policy of the log lets read."""
_PAGE_SIZE = 2_000
_PAGE_SQL = """
select e.number, json_build_object(
  'number', e.number, 'id', e.id, 'action', e.action, 'actorId', e.actor_id, 'actorRole', e.actor_role,
  'targetType', e.target_type, 'targetId', e.target_id, 'details', e.details, 'ip', e.ip, 'userAgent', e.user_agent,
  'requestId', e.request_id, 'createdAt', e.created_at
)::text as line
from monynha.audit_events e where e.number > $1 and e.number <= $2 order by e.number limit $3
"""


@dataclass(frozen=True, slots=True)
class OldSeal:
    """A seal whose events all are older than they are kept."""

    number: int
    first_event: int
    last_event: int
    last_at: datetime


@dataclass(frozen=True)
class AuditRetention:
    """Reads and deletes the events of a seal, as the clean-up."""

    database: Database
    page_size: int = _PAGE_SIZE

    async def fetch_oldest_seal(self, before: datetime) -> OldSeal | None:
        """Return the oldest seal whose events are not deleted yet and all are before a time; None without one."""
        async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
            row = await transaction.fetch_row("select * from monynha.oldest_audit_seal($1)", before)
        return None if row is None else OldSeal(**dict(row))

    async def read(self, seal: OldSeal) -> AsyncGenerator[list[str]]:
        """Yield the events of a seal as lines of JSON without their line ends, page by page."""
        last_number = seal.first_event - 1
        while True:
            async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
                rows = await transaction.fetch_rows(_PAGE_SQL, last_number, seal.last_event, self.page_size)
            if not rows:
                return
            yield [row["line"] for row in rows]
            last_number = rows[-1]["number"]

    async def delete(self, seal: OldSeal) -> int:
        """Delete the events of a seal and return how many; the seal remembers whether they were intact."""
        async with self.database.as_actor(_CLEAN_UP).transaction() as transaction:
            count = await transaction.fetch_value("select monynha.delete_sealed_audit_events($1)", seal.number)
        assert isinstance(count, int)  # the function returns a bigint
        return count

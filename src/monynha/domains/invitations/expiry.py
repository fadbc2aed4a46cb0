"""The end of an invitation when its time is over, as a job that is enqueued with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database, Transaction
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job import Job, JobHandler, Json

EXPIRY_QUEUE: Final = "invitation-expiry"
_RETENTION = timedelta(days=90)
_SLACK = timedelta(seconds=1)
"""The clocks of two processes differ."""


@dataclass(frozen=True, slots=True)
class InvitationExpiryPayload:
    """Whose time is over; the job ends all that are due."""

    invitation_id: UUID


@dataclass(frozen=True)
class InvitationExpiry:
    """Marks invitations as expired, and deletes those that ended long ago, with the addresses in them.

    Accepting compares the time itself, so that a late job lets nobody in.
    """

    database: Database

    def handler(self) -> JobHandler[InvitationExpiryPayload]:
        """Return the handler of the queue."""
        return JobHandler(EXPIRY_QUEUE, InvitationExpiryPayload, self.run)

    async def run(self, job: Job[InvitationExpiryPayload]) -> Json:
        """Mark all that are due."""
        return {"expired": await self._repeat("select monynha.expire_invitations()")}

    async def delete_ended(self, now: datetime) -> int:
        """Delete invitations that have ended and whose time was over 90 days ago; return how many."""
        return await self._repeat("select monynha.delete_ended_invitations($1)", now - _RETENTION)

    async def _repeat(self, statement: str, *binds: object) -> int:
        """Run a statement that changes so many rows at most, until it changes none; return how many it changed."""
        total = 0
        while True:
            async with self.database.as_actor(system_actor(EXPIRY_QUEUE)).transaction() as transaction:
                changed = await transaction.fetch_value(statement, *binds)
            assert isinstance(changed, int)  # a bigint
            if changed == 0:
                return total
            total += changed


async def enqueue_expiry(transaction: Transaction, invitation_id: UUID, lifetime: timedelta) -> None:
    """Enqueue the end of an invitation."""
    payload = InvitationExpiryPayload(invitation_id)
    await enqueue(transaction, EXPIRY_QUEUE, payload, delay=lifetime + _SLACK)

"""Enqueues jobs from Python, in the transaction of the change that asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from monynha.infra.postgres.database import Transaction
from monynha.infra.queue.payload import dump_payload

DEFAULT_MAX_ATTEMPTS = 3
"""How often a job is tried, unless it is enqueued with another number."""
_NO_DELAY = timedelta()
_ENQUEUE_SQL = "select monynha.enqueue_job($1, $2::text::jsonb, $3, $4, $5, $6)"
_ENQUEUE_MANY_SQL = "select monynha.enqueue_jobs($1, $2::text[]::jsonb[], $3)"


async def enqueue(
    transaction: Transaction,
    queue: str,
    payload: object,
    *,
    priority: int = 0,
    delay: timedelta = _NO_DELAY,
    dedup_key: str | None = None,
    max_attempts: int = DEFAULT_MAX_ATTEMPTS,
) -> UUID:
    """Enqueue a job, which exists once the transaction commits, and return its id.

    `payload` is a dataclass or a mapping. With a `dedup_key` that a job of the queue has which waits or runs, nothing
    is enqueued, and the id is that job's: a job that runs may not see the change that asks again, so a key is for what
    need not be done twice, such as one mail for many reasons.
    """
    document = dump_payload(payload).decode()
    job_id = await transaction.fetch_value(_ENQUEUE_SQL, queue, document, priority, delay, dedup_key, max_attempts)
    # The function returns a uuid, never null, which asyncpg decodes.
    assert isinstance(job_id, UUID)
    return job_id


async def enqueue_many(transaction: Transaction, queue: str, payloads: Sequence[object], *, priority: int = 0) -> None:
    """Enqueue a job for each payload in one statement."""
    documents = [dump_payload(payload).decode() for payload in payloads]
    await transaction.fetch_value(_ENQUEUE_MANY_SQL, queue, documents, priority)

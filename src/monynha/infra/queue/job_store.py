"""What workers read and write in `monynha.jobs`: each method is one round trip and one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import Json

WORKER_ACTOR = system_actor("jobs")
"""The actor whom the policies of `monynha.jobs` let work on jobs."""
JOBS_STREAM_KIND = "jobs"
"""The kind under which a commit reports that jobs are ready, or with a job's id that it was cancelled."""

JobOutcome = Literal["completed", "failed", "dead", "released"]
"""How an attempt ended: `dead` is not tried again, `released` did not count as an attempt."""

_CLAIM_SQL = """
select coalesce(json_agg(json_build_array(c.id, c.queue, c.payload, c.attempt, c.requester_id)), '[]')
from monynha.claim_jobs($2::uuid, $3::text[], $4::integer, $5::interval) c
"""
_RECORD_SQL = "select to_json(monynha.record_job_outcomes($2::uuid, $3::json))"
_EXTEND_SQL = """
select coalesce(json_agg(held), '[]') from monynha.extend_job_leases($2::uuid, $3::json, $4::interval) held
"""
_RECOVER_SQL = "select to_json(monynha.recover_jobs())"
_DELETE_SQL = "select to_json(monynha.delete_ended_jobs($2::text[], $3::timestamptz, $4::integer))"


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as it was claimed, with its payload as JSON."""

    id: UUID
    queue: str
    payload: object = field(repr=False)
    attempt: int
    requester_id: UUID | None


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """How one attempt of a job ended."""

    id: UUID
    attempt: int
    outcome: JobOutcome
    result: Json = None
    error: str | None = None


@dataclass(frozen=True)
class JobStore:
    """The jobs as one worker sees them; `worker_id` marks those that it has claimed."""

    database: Database
    worker_id: UUID

    async def claim(self, queues: Sequence[str], max_jobs: int, *, lease: timedelta) -> list[ClaimedJob]:
        """Claim jobs that are due, and return them in the order in which they should be done."""
        rows: list[tuple[str, str, object, int, str | None]] = await self._fetch(
            _CLAIM_SQL, self.worker_id, queues, max_jobs, _interval(lease)
        )
        return [
            ClaimedJob(UUID(id), queue, payload, attempt, None if requester_id is None else UUID(requester_id))
            for id, queue, payload, attempt, requester_id in rows
        ]

    async def record(self, outcomes: Iterable[RecordedOutcome]) -> int:
        """Record how attempts ended; return how many of these jobs were still the worker's."""
        document = orjson.dumps(
            [
                {
                    "id": item.id,
                    "attempt": item.attempt,
                    "outcome": item.outcome,
                    "result": item.result,
                    "error": item.error,
                }
                for item in outcomes
            ]
        )
        count: int = await self._fetch(_RECORD_SQL, self.worker_id, document)
        return count

    async def extend_leases(self, held: Iterable[tuple[UUID, int, int]], *, lease: timedelta) -> set[UUID]:
        """Extend the leases of jobs, given as id, attempt and progress; return those that are still the worker's."""
        document = orjson.dumps([{"id": id, "attempt": attempt, "progress": percent} for id, attempt, percent in held])
        ids: list[str] = await self._fetch(_EXTEND_SQL, self.worker_id, document, _interval(lease))
        return {UUID(id) for id in ids}

    async def recover(self) -> int:
        """Make the jobs of workers that have stopped ready again; return how many."""
        count: int = await self._fetch(_RECOVER_SQL)
        return count

    async def delete_ended(self, states: Sequence[str], ended_before: datetime, *, max_jobs: int = 1000) -> int:
        """Delete jobs in these states that ended before a time; return how many."""
        count: int = await self._fetch(_DELETE_SQL, states, ended_before, max_jobs)
        return count

    async def _fetch(self, query: str, *binds: object) -> Any:
        # The shape of the JSON is that of each query above.
        return orjson.loads(await self.database.as_actor(WORKER_ACTOR).fetch_as_system(query, *binds))


def _interval(duration: timedelta) -> str:
    return f"{duration.total_seconds()} s"

"""The worker: claims jobs in batches, runs their handlers, and records how they ended.

A job that has been claimed waits in memory until one of `concurrency` runners takes it. While jobs are short, more are
claimed than can run at once, so that the database is asked rarely; when they take longer, only what can run at once, so
that other workers get the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

import structlog

from monynha.core.errors import UnavailableError
from monynha.infra.postgres.errors import RetryTransactionError
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.job import AnyJobHandler
from monynha.infra.queue.job_store import JobStore, RecordedOutcome

_log = structlog.get_logger("monynha.jobs")
_Result = TypeVar("_Result")

_MAX_BATCH: Final = 500
"""How many jobs are claimed, or outcomes recorded, in one statement."""
_PREFETCHED_S: Final = 0.1
"""For how long, by the rate of the last jobs, claimed jobs may wait to be run."""
_MAX_WAIT_S: Final = 1.0
"""How long a claimed job waits before it is given back to other workers."""
_YIELD_AFTER: Final = 8
"""After how many jobs a runner lets the event loop do other work; a job may take no turn of it at all."""
_EMPTY_CLAIM_PAUSE_S: Final = 0.005
_RETRY_S: Final = 0.5
_CLOSE_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker works; times are in seconds, but for the ages at which ended jobs are deleted."""

    concurrency: int = 10
    """How many jobs run at once."""
    poll_interval_s: float = 1.0
    """How often it looks for jobs that nobody reported."""
    lease: timedelta = timedelta(seconds=45)
    """How long a job stays the worker's without a sign of life."""
    heartbeat_interval_s: float = 5.0
    """How often leases are extended and the jobs of stopped workers recovered."""
    statement_timeout_s: float = 20.0
    """How long the worker waits for the database before it asks again; shorter than the lease."""
    stop_timeout_s: float = 15.0
    """How long running jobs may take to finish when the worker stops."""
    retention: timedelta = timedelta(days=7)
    """For how long completed and cancelled jobs are kept."""
    dead_retention: timedelta = timedelta(days=90)
    """For how long dead jobs are kept."""
    cleanup_interval_s: float = 3600.0


class Worker:
    """Works on the queues of its handlers until it is stopped."""

    def __init__(self, store: JobStore, handlers: Sequence[AnyJobHandler], options: WorkerOptions) -> None:
        self._store = store
        self._handlers = {handler.queue: handler for handler in handlers}
        assert len(self._handlers) == len(handlers), "a queue has one handler"
        self._options = options
        self._waiting: deque[Attempt] = deque()
        self._running: set[Attempt] = set()
        self._runners: set[asyncio.Task[None]] = set()
        self._runner_count = 0
        self._outcomes: deque[RecordedOutcome] = deque()
        self._prefetch = 0
        self._finished_count = 0
        self._last_claim = (0.0, 0)
        self._may_have_more = False
        self._claim_requested = asyncio.Event()
        self._has_outcomes = asyncio.Event()
        self._heartbeat_requested = asyncio.Event()
        self._stop_at: float | None = None
        self._is_database_away = False
        self._claim_task: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work in the background."""
        if not self._handlers:
            return
        self._claim_task = asyncio.create_task(self._claim_loop())
        self._tasks = [
            asyncio.create_task(loop) for loop in (self._record_loop(), self._heartbeat_loop(), self._cleanup_loop())
        ]

    def wake(self, job_id: UUID | None = None) -> None:
        """Look for jobs now; with the id of a job that was cancelled, whether it runs here."""
        if job_id is None or not job_id.int:
            self._claim_requested.set()
        elif any(attempt.claimed.id == job_id for attempt in self._running):
            self._heartbeat_requested.set()

    def begin_stop(self) -> None:
        """Claim nothing more, and give back what has not begun; running jobs have 15 seconds from now on."""
        if self._stop_at is None:
            self._stop_at = asyncio.get_running_loop().time() + self._options.stop_timeout_s
            self._release_waiting()
            self._claim_requested.set()

    async def stop(self) -> None:
        """Wait for running jobs, give back those that take too long, and return when all is recorded."""
        if self._claim_task is None:
            return
        self.begin_stop()
        assert self._stop_at is not None
        loop = asyncio.get_running_loop()
        # What is being claimed at this moment is given back.
        await asyncio.wait({self._claim_task}, timeout=_CLOSE_TIMEOUT_S)
        if self._runners:
            await asyncio.wait(set(self._runners), timeout=max(0.0, self._stop_at - loop.time()))
        for attempt in self._running:
            attempt.interrupt("stopped")
        if self._runners:
            await asyncio.wait(set(self._runners), timeout=_CLOSE_TIMEOUT_S)
        deadline = loop.time() + _CLOSE_TIMEOUT_S
        while self._outcomes and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for task in (*self._tasks, *self._runners, self._claim_task):
            task.cancel()

    @property
    def _is_stopping(self) -> bool:
        return self._stop_at is not None

    # Claiming

    async def _claim_loop(self) -> None:
        while not self._is_stopping:
            self._claim_requested.clear()
            room = self._room()
            claimed = await self._claim(room) if room else 0
            self._may_have_more = claimed == room
            if self._may_have_more and self._has_room:
                continue
            if not claimed:
                # Other workers were woken by the same commits; a stream of them is no reason to ask all the time.
                await asyncio.sleep(_EMPTY_CLAIM_PAUSE_S)
            try:
                async with asyncio.timeout(self._options.poll_interval_s):
                    await self._claim_requested.wait()
            except TimeoutError:
                pass

    async def _claim(self, room: int) -> int:
        """Claim up to `room` jobs and let runners take them; return how many."""
        loop = asyncio.get_running_loop()
        self._adapt_prefetch(loop.time())
        claim = self._store.claim(list(self._handlers), room, lease=self._options.lease)
        claimed = await self._try(claim)
        if not claimed:
            return 0
        now = loop.time()
        self._waiting.extend(
            Attempt(job, self._handlers[job.queue], self._store.database, claimed_at=now) for job in claimed
        )
        if self._is_stopping:
            self._release_waiting()
            return 0
        for _ in range(min(self._options.concurrency - self._runner_count, len(self._waiting))):
            self._runner_count += 1
            runner = asyncio.create_task(self._run_waiting())
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        return len(claimed)

    def _adapt_prefetch(self, now: float) -> None:
        """Set how many jobs may wait, by how many were finished since the last claim."""
        claimed_at, finished_before = self._last_claim
        rate = (self._finished_count - finished_before) / max(now - claimed_at, 0.001)
        self._prefetch = min(_MAX_BATCH, int(rate * _PREFETCHED_S))
        self._last_claim = (now, self._finished_count)

    def _room(self) -> int:
        """Return how many jobs may be claimed now."""
        if len(self._outcomes) > 2 * _MAX_BATCH:
            return 0
        room = self._options.concurrency + self._prefetch - len(self._running) - len(self._waiting)
        return max(0, min(room, _MAX_BATCH))

    @property
    def _has_room(self) -> bool:
        """Whether it is worth to ask the database for more."""
        return len(self._waiting) <= self._prefetch // 2 and self._room() > 0

    # Running

    async def _run_waiting(self) -> None:
        """Run the jobs that wait, one after the other; `concurrency` of these run at once."""
        try:
            while self._waiting:
                await self._run_attempt(self._waiting.popleft())
                if self._finished_count % _YIELD_AFTER == 0:
                    await asyncio.sleep(0)
        finally:
            # Not when the task is reported as done, which is later: until then nobody would run what is claimed.
            self._runner_count -= 1

    async def _run_attempt(self, attempt: Attempt) -> None:
        self._running.add(attempt)
        try:
            outcome = await attempt.run()
        finally:
            self._running.remove(attempt)
        if outcome is not None:
            self._add_outcome(outcome)
        self._finished_count += 1
        if self._may_have_more and self._has_room:
            self._claim_requested.set()

    def _release_waiting(self) -> None:
        while self._waiting:
            self._add_outcome(self._waiting.popleft().released())

    # Recording

    def _add_outcome(self, outcome: RecordedOutcome) -> None:
        self._outcomes.append(outcome)
        self._has_outcomes.set()

    async def _record_loop(self) -> None:
        while True:
            await self._has_outcomes.wait()
            self._has_outcomes.clear()
            while self._outcomes:
                batch = list(islice(self._outcomes, _MAX_BATCH))
                if not await self._record(batch):
                    await asyncio.sleep(_RETRY_S)
                    continue
                for _ in batch:
                    self._outcomes.popleft()
                if self._may_have_more and self._has_room:
                    self._claim_requested.set()

    async def _record(self, batch: list[RecordedOutcome]) -> bool:
        """Record outcomes; return False if the database is away, so that they must be recorded later."""
        try:
            async with asyncio.timeout(self._options.statement_timeout_s):
                await self._store.record(batch)
        except (UnavailableError, RetryTransactionError, TimeoutError) as error:
            self._note_failure(error)
            return False
        except Exception as error:
            if len(batch) > 1:
                return all([await self._record([outcome]) for outcome in batch])
            # Its lease ends, and another attempt has another outcome.
            _log.error("the outcome of a job cannot be recorded", jobId=str(batch[0].id), err=_describe(error))
        self._is_database_away = False
        return True

    # Leases

    async def _heartbeat_loop(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._options.heartbeat_interval_s):
                    await self._heartbeat_requested.wait()
            except TimeoutError:
                pass
            self._heartbeat_requested.clear()
            await self._extend_leases()
            self._release_delayed()
            if recovered := await self._try(self._store.recover()):
                _log.warning("jobs of a stopped worker are taken over", count=recovered)
                self._claim_requested.set()

    async def _extend_leases(self) -> None:
        # Not those whose time is over: if their handler ignores that, others may try.
        attempts = [*(a for a in self._running if not a.is_overdue), *self._waiting]
        held = [(attempt.claimed.id, attempt.claimed.attempt, attempt.progress) for attempt in attempts]
        held += [(outcome.id, outcome.attempt, 0) for outcome in self._outcomes]
        if not held:
            return
        still_held = await self._try(self._store.extend_leases(held, lease=self._options.lease))
        if still_held is None:
            return
        lost = {attempt for attempt in attempts if attempt.claimed.id not in still_held}
        for attempt in lost:
            attempt.interrupt("lost")
        if lost & set(self._waiting):
            self._waiting = deque(attempt for attempt in self._waiting if attempt not in lost)

    def _release_delayed(self) -> None:
        """Give back what has waited long: the jobs before it took longer than expected."""
        if self._waiting and self._waiting[0].claimed_at < asyncio.get_running_loop().time() - _MAX_WAIT_S:
            self._prefetch = 0
            self._release_waiting()

    async def _cleanup_loop(self) -> None:
        options = self._options
        while True:
            now = datetime.now(UTC)
            for states, age in ((("completed", "cancelled"), options.retention), (("dead",), options.dead_retention)):
                while await self._try(self._store.delete_ended(states, now - age, max_jobs=_MAX_BATCH)) == _MAX_BATCH:
                    pass
            await asyncio.sleep(options.cleanup_interval_s)

    async def _try(self, pending: Awaitable[_Result]) -> _Result | None:
        """Return the result; None if the database failed, which is logged once for each outage.

        Whatever fails, or is never answered: a loop that ended would leave all jobs undone without a word.
        """
        try:
            async with asyncio.timeout(self._options.statement_timeout_s):
                result = await pending
        except Exception as error:
            self._note_failure(error)
            return None
        self._is_database_away = False
        return result

    def _note_failure(self, error: Exception) -> None:
        if not self._is_database_away:
            _log.warning("jobs cannot be read or written", err=_describe(error))
        self._is_database_away = True


def _describe(error: Exception) -> dict[str, str]:
    return {"type": type(error).__name__}

"""Heavy reads of users: few at once for each, in turn between users, so that nobody's searches hold up the others'."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from monynha.core.errors import RateLimitedError
from monynha.infra.postgres.pipeline.connection import PendingQuery, QueryFuture
from monynha.infra.postgres.pipeline.pool import PipelinePool

MAX_RUNNING_PER_USER = 2
MAX_WAITING_PER_USER = 48
_TOO_MANY = (
    f"Too many costly queries at once: {MAX_RUNNING_PER_USER} run and {MAX_WAITING_PER_USER} wait for each user, and "
    "further ones are refused. Wait for the answers before you ask more."
)


class HeavyReads:
    """Queues the heavy reads of each user before the connections that run them, `max_running` at once in all."""

    def __init__(self, pool: PipelinePool, *, max_running: int) -> None:
        self._pool = pool
        self._max_running = max_running
        self._running_count = 0
        self._running: dict[UUID, int] = {}
        # Users in the order of their next turn.
        self._waiting: OrderedDict[UUID, deque[PendingQuery]] = OrderedDict()

    def execute(self, statement: str, binds: Sequence[object], user_id: UUID | None) -> QueryFuture:
        """Run a statement in its turn; the future fails with RateLimitedError if too many of the user wait already.

        Without a user (the service key, the program itself) it does not wait for a turn.
        """
        query = self._pool.create_query(statement, binds)
        if user_id is None:
            self._pool.submit(query)
            return query.future
        waiting = self._waiting.setdefault(user_id, deque())
        if len(waiting) >= MAX_WAITING_PER_USER:
            # Those whose callers left keep no place.
            waiting = self._waiting[user_id] = deque(other for other in waiting if not other.future.done())
        if len(waiting) >= MAX_WAITING_PER_USER:
            query.reject(RateLimitedError(_TOO_MANY, retry_after_s=1))
        else:
            waiting.append(query)
            self._start_next()
        return query.future

    def _start_next(self) -> None:
        """Start what may run; each user who had a turn goes to the end."""
        for user_id in tuple(self._waiting):
            if self._running_count >= self._max_running:
                return
            waiting = self._waiting[user_id]
            while waiting and waiting[0].future.done():
                waiting.popleft()
            if waiting and self._running.get(user_id, 0) < MAX_RUNNING_PER_USER:
                self._start(user_id, waiting.popleft())
                self._waiting.move_to_end(user_id)
            if not waiting:
                del self._waiting[user_id]

    def _start(self, user_id: UUID, query: PendingQuery) -> None:
        self._running_count += 1
        self._running[user_id] = self._running.get(user_id, 0) + 1
        query.future.add_done_callback(partial(self._finish, user_id))
        self._pool.submit(query)

    def _finish(self, user_id: UUID, future: QueryFuture) -> None:
        self._running_count -= 1
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]
        self._start_next()

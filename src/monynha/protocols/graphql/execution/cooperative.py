"""Work that would hold up everybody else: done in steps, with at least as long a pause after each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

_T = TypeVar("_T")
Steps = Generator[None, None, _T]
"""Yields where others may go first, and returns what comes out."""


def run_to_completion(steps: Steps[_T]) -> _T:
    """Return what comes out of the steps, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result


@dataclass(frozen=True)
class CooperativeRunner:
    """Does one piece of work at a time, and one of each person's, with at most half of the time.

    Not a thread: that would take the interpreter from the loop at each of its turns, and the loop would have
    to wait for it again and again.
    """

    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _actor_locks: WeakValueDictionary[UUID | None, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _tasks: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def run_once(self, key: Hashable, steps: Callable[[], Steps[_T]], actor_id: UUID | None) -> _T:
        """Return what comes out of the steps; who asks for the same meanwhile is told the same."""
        task: asyncio.Task[_T] | None = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._run(steps, actor_id))
            task.add_done_callback(partial(self._discard, key))
        return await asyncio.shield(task)

    async def _run(self, make_steps: Callable[[], Steps[_T]], actor_id: UUID | None) -> _T:
        # Whoever sends much waits for themselves: others wait for one piece of theirs at most.
        async with self._actor_locks.setdefault(actor_id, asyncio.Lock()), self._lock:
            steps = make_steps()
            while True:
                started_at = time.perf_counter()
                try:
                    next(steps)
                except StopIteration as end:
                    result: _T = end.value
                    return result
                finally:
                    await asyncio.sleep(time.perf_counter() - started_at)

    def _discard(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            # Whoever asked may have left: then nobody takes the error.
            task.exception()

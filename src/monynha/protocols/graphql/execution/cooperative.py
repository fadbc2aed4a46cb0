"""Long computations on the event loop: done in steps, with a pause after each at least as long as the step.

A thread would not do: it takes the interpreter lock from the event loop at each switch interval, and the loop has
to wait for it again and again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Hashable
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

_Result = TypeVar("_Result")
Steps = Generator[None, None, _Result]
"""A computation that yields where other tasks may run, and returns its result."""


def run_to_completion(steps: Steps[_Result]) -> _Result:
    """Return the result of the steps, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            # A generator's return value, which the type of StopIteration does not carry.
            result: _Result = end.value
            return result


class CooperativeRunner(Generic[_Result]):
    """Runs one computation at a time, and one of each actor's, on at most half of the event loop's time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._actor_locks: WeakValueDictionary[UUID | None, asyncio.Lock] = WeakValueDictionary()
        self._tasks: dict[Hashable, asyncio.Task[_Result]] = {}

    async def run_once(self, key: Hashable, make_steps: Callable[[], Steps[_Result]], actor_id: UUID | None) -> _Result:
        """Return the result of the steps; concurrent calls with the same key share one computation."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._run(make_steps, actor_id))
            task.add_done_callback(partial(self._discard, key))
        return await asyncio.shield(task)

    async def _run(self, make_steps: Callable[[], Steps[_Result]], actor_id: UUID | None) -> _Result:
        # The actor's own lock comes first: others wait for at most one computation of an actor that sends many.
        async with self._actor_locks.setdefault(actor_id, asyncio.Lock()), self._lock:
            steps = make_steps()
            while True:
                started_at = time.perf_counter()
                try:
                    next(steps)
                except StopIteration as end:
                    result: _Result = end.value
                    return result
                finally:
                    await asyncio.sleep(time.perf_counter() - started_at)

    def _discard(self, key: Hashable, task: asyncio.Task[_Result]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            # If every caller is gone, the exception has to be retrieved here.
            task.exception()

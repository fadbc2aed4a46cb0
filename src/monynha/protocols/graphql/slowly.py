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


def at_once(steps: Steps[_T]) -> _T:
    """Return what comes out of the steps, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: _T = end.value
            return found


@dataclass(frozen=True)
class Slowly:
    """Does one piece of work at a time, and one of each person's, with at most half of the time.

    Not a thread: that would take the interpreter from the loop at each of its turns, and the loop would have
    to wait for it again and again.
    """

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _own_turns: WeakValueDictionary[UUID | None, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _under_way: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def once(self, key: Hashable, steps: Callable[[], Steps[_T]], who: UUID | None) -> _T:
        """Return what comes out of the steps; who asks for the same meanwhile is told the same."""
        task: asyncio.Task[_T] | None = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._do(steps, who))
            task.add_done_callback(partial(self._forget, key))
        return await asyncio.shield(task)

    async def _do(self, make: Callable[[], Steps[_T]], who: UUID | None) -> _T:
        # Whoever sends much waits for themselves: others wait for one piece of theirs at most.
        async with self._own_turns.setdefault(who, asyncio.Lock()), self._turn:
            steps = make()
            while True:
                began = time.perf_counter()
                try:
                    next(steps)
                except StopIteration as end:
                    found: _T = end.value
                    return found
                finally:
                    await asyncio.sleep(time.perf_counter() - began)

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            # Whoever asked may have left: then nobody takes the error.
            task.exception()

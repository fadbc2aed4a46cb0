"""The pipelines of one role: what comes in one turn of the loop goes out in one write, on a free connection.

So a busy program sends few and full packets, for which the server wakes up once, and an idle one asks each
question on a connection of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from monynha.core.errors import Unavailable
from monynha.infra.postgres.connecting import WAIT_S, connect
from monynha.infra.postgres.pipeline import Pipeline
from monynha.infra.postgres.turn import Answer, Asked

_TOGETHER = 8
"""How many questions go to one connection while another is free."""
_HELD_UP_S = 0.01
"""How long a question may take before a lane gets no more while there are others."""
_PAUSE_S = 1
"""How long no connection is tried after one was refused."""


class Lanes:
    """Up to `size` pipelines with at most `depth` questions under way on each.

    Who finds no place waits, some 5 seconds at most (Unavailable). `on_slow` is called with each statement
    that takes long.
    """

    def __init__(
        self,
        url: str,
        role: str,
        *,
        size: int,
        depth: int,
        on_slow: Callable[[str], None] = lambda statement: None,
    ) -> None:
        self._url = url
        self._role = role
        self._size = size
        self._depth = depth
        self._on_slow = on_slow
        self._loop = asyncio.get_running_loop()
        self._open: list[Pipeline] = []
        self._waiting: deque[Asked] = deque()
        self._is_due = False
        self._opening: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def ask(self, statement: str, binds: Sequence[object]) -> asyncio.Future[Answer]:
        """Return what answers the statement, once it is there."""
        asked = Asked(statement, binds, self._loop.create_future())
        if not self._size:
            asked.refuse(Unavailable())
            return asked.answer
        self._waiting.append(asked)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._send)
        return asked.answer

    async def warm(self) -> None:
        """Open the first pipeline."""
        await self._connect()

    def close(self) -> None:
        """End every connection and refuse who waits."""
        self._size = 0
        if self._alarm is not None:
            self._alarm.cancel()
        if self._opening is not None:
            self._opening.cancel()
        self._refuse(Unavailable())
        for one in tuple(self._open):
            one.close()

    def _send(self) -> None:
        self._is_due = False
        waiting = self._waiting
        while waiting:
            lane = self._free()
            if lane is None:
                if self._alarm is None:
                    self._alarm = self._loop.call_later(WAIT_S, self._give_up, waiting[-1])
                return
            together: list[Asked] = []
            most = min(_TOGETHER, self._depth - lane.load)
            while waiting and len(together) < most:
                asked = waiting.popleft()
                if not asked.answer.done():
                    together.append(asked)
            lane.ask(together)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _free(self) -> Pipeline | None:
        """Return the lane with the fewest questions under way, if one takes more; held-up ones come last."""
        best, least = None, 2 * self._depth
        for lane in self._open:
            load = lane.load
            if not load:
                return lane
            if load < self._depth:
                rank = load + self._depth if lane.is_held_up(_HELD_UP_S) else load
                if rank < least:
                    best, least = lane, rank
        if len(self._open) < self._size and self._opening is None and self._may_try():
            self._opening = self._loop.create_task(self._widen())
        # A new one is there sooner than the end of what holds up all others.
        return None if least > self._depth and self._opening is not None else best

    def _may_try(self) -> bool:
        return not self._open or self._loop.time() >= self._not_before

    async def _widen(self) -> None:
        try:
            await self._connect()
        except Exception as error:
            self._not_before = self._loop.time() + _PAUSE_S
            if not self._open:
                self._refuse(error)
        finally:
            self._opening = None
        self._send()

    async def _connect(self) -> None:
        connection = await connect(self._url, self._role)
        if not self._size:
            connection.terminate()
            return
        self._open.append(Pipeline(connection, on_free=self._freed, on_slow=self._on_slow))

    def _freed(self, lane: Pipeline) -> None:
        if lane.is_closed and lane in self._open:
            self._open.remove(lane)
        if self._waiting:
            self._send()

    def _give_up(self, last: Asked) -> None:
        """Send away who waited since the alarm was set; `last` was the last of them."""
        self._alarm = None
        if last in self._waiting:
            while self._waiting:
                asked = self._waiting.popleft()
                asked.refuse(Unavailable())
                if asked is last:
                    break
        if self._waiting:
            self._alarm = self._loop.call_later(WAIT_S, self._give_up, self._waiting[-1])

    def _refuse(self, error: BaseException) -> None:
        while self._waiting:
            self._waiting.popleft().refuse(error)

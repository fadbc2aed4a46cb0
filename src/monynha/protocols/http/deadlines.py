"""Deadlines: how long the handler of a request may take, counted from the last byte of the request.

One timer looks after all requests, since a timer for each would cost more than most handlers wait for.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from monynha.core.errors import UnavailableError
from monynha.protocols.http.request import Request

_CHECK_INTERVAL_S = 0.25


def deadline_error(limit_s: float) -> UnavailableError:
    """Return the error of a request that took too long."""
    return UnavailableError(f"The request took longer than {limit_s:g} seconds and was ended. Please try again.")


@dataclass
class RequestDeadlines:
    """Ends handlers that take too long, and reads whose client has left; what they wait for is cancelled too."""

    read_s: float = 10
    write_s: float = 15
    _tasks: dict[Request, asyncio.Task[object]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    """Kept, since asking for it takes a system call."""

    def limit_s(self, request: Request) -> float:
        """Return how long a request may take."""
        return self.read_s if request.is_read else self.write_s

    def begin(self, request: Request) -> None:
        """Watch the request, which the current task handles."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        # Handlers run in tasks.
        assert task is not None
        self._tasks[request] = task
        if self._timer is None:
            self._timer = self._loop.call_later(_CHECK_INTERVAL_S, self._check)

    def end(self, request: Request) -> None:
        """Stop watching the request."""
        self._tasks.pop(request, None)

    def take_cancellation(self, request: Request) -> bool:
        """Whether the handler of the request was cancelled here, and not by somebody else; its task goes on then."""
        task = asyncio.current_task()
        if not request.is_ended or task is None:
            return False
        return task.uncancel() == 0

    def _check(self) -> None:
        self._timer = None
        now = time.perf_counter()
        for request, task in tuple(self._tasks.items()):
            has_left = request.is_read and request.has_client_left
            if has_left or now - request.received_at > self.limit_s(request):
                request.is_ended = True
                del self._tasks[request]
                task.cancel()
        if self._tasks:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_INTERVAL_S, self._check)

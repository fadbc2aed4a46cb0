"""What the processes serve: an ASGI application that is built once the servers are there."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from monynha.core.settings import Settings
from monynha.infra.embedded import Servers

MODULE = "monynha.app.asgi"


class Application(Protocol):
    """An ASGI application that gives back what it holds when it is closed."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request or socket."""

    def leave(self) -> None:
        """End what has no end of its own: no more is accepted, and the server waits for what is in flight."""

    async def close(self) -> None:
        """Give back connections; no request is in flight any more."""


Build = Callable[[Settings, Servers], Awaitable[Application]]


def load(module: str = MODULE) -> Build:
    """Import the application, which takes a second or two: so it is done while the servers start."""
    return cast(Build, importlib.import_module(module).build)  # a module's attribute has no type

"""What the processes serve: an ASGI application that is built once the servers are there."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

APPLICATION_MODULE = "monynha.app.composition.application"


class ServedApplication(Protocol):
    """An ASGI application that gives back what it holds when it is closed."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request or socket."""

    def begin_shutdown(self) -> None:
        """End what has no end of its own: no more is accepted, and the server waits for what is in flight."""

    async def close(self) -> None:
        """Give back connections; no request is in flight any more."""


BuildApplication = Callable[[Settings, ServerUrls], Awaitable[ServedApplication]]


def load_application(module: str = APPLICATION_MODULE) -> BuildApplication:
    """Import the application, which takes a second or two: so it is done while the servers start."""
    return cast(BuildApplication, importlib.import_module(module).build)  # a module's attribute has no type

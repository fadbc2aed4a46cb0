"""Imports the application that the processes serve, and states what it must offer."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

APPLICATION_MODULE = "monynha.app.composition.application"

AsgiApplication = Callable[..., Awaitable[None]]
"""Called with scope, receive and send (ASGI 3.0), whose exact types each application states itself."""


class ServedApplication(Protocol):
    """What a process serves, and how it is shut down."""

    @property
    def http(self) -> AsgiApplication:
        """The ASGI application that serves requests and sockets."""

    def begin_shutdown(self) -> None:
        """End responses that have no end of their own; the server then waits for those in flight."""

    async def close(self) -> None:
        """Close connections; no request is in flight any more."""


BuildApplication = Callable[[Settings, ServerUrls], Awaitable[ServedApplication]]


def load_application(module: str = APPLICATION_MODULE) -> BuildApplication:
    """Import a module and return its function `build`; the import of ours takes a second or two."""
    return cast(BuildApplication, importlib.import_module(module).build)  # an attribute found by name has no type

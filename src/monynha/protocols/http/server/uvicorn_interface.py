"""What the connection classes use of uvicorn: its configuration and its shared server state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from monynha.protocols.http.request import AsgiApplication, Header


class ServerState(Protocol):
    """`uvicorn.server.ServerState`: what all connections of a process share."""

    total_requests: int
    connections: set[asyncio.Protocol]
    """uvicorn calls `shutdown()` of each when it stops."""
    tasks: set[asyncio.Task[None]]
    """uvicorn waits for these when it stops."""
    default_headers: list[Header]


class ServerConfig(Protocol):
    """`uvicorn.Config` after `load()`."""

    loaded_app: AsgiApplication
    ws_protocol_class: Callable[..., asyncio.Protocol]

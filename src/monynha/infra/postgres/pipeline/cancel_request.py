"""Cancels what a server process runs (CancelRequest, "Canceling Requests in Progress" in PostgreSQL's manual)."""

from __future__ import annotations

import asyncio

import asyncpg
from asyncpg import connect_utils

_TIMEOUT_S = 2.0


async def cancel_running_statement(connection: asyncpg.Connection) -> bool:
    """Ask the server to cancel the statement of a connection; False if the server could not be asked in 2 seconds.

    Once this returns, the request can hit no later statement.
    """
    protocol = connection._protocol  # type: ignore[attr-defined]  # not in the stubs, as asyncpg has no public name
    if protocol is None:
        return False
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await connect_utils._cancel(  # type: ignore[attr-defined]  # not in the stubs
                loop=asyncio.get_running_loop(),
                addr=connection._addr,  # type: ignore[attr-defined]  # not in the stubs
                params=connection._params,  # type: ignore[attr-defined]  # not in the stubs
                backend_pid=protocol.backend_pid,
                backend_secret=protocol.backend_secret,
            )
    except ConnectionResetError:
        # Some servers reset the connection of a CancelRequest once they have read it.
        return True
    except (OSError, TimeoutError):
        return False
    return True

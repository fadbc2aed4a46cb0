"""How a connection ends: what is wrong is told in the envelope, and all that was sent gets its time."""

from __future__ import annotations

import asyncio
from secrets import token_hex

from monynha.core.errors import Fault
from monynha.protocols.http.response import Response, refused

UNREAD_S = 30.0
"""How long a client may take nothing of what it was sent."""


def refusal(fault: Fault) -> Response:
    """Return the answer to what cannot be handled, with the headers that the edge gives to all others."""
    request_id = token_hex(16)
    told = refused(fault, request_id)
    length = (b"content-length", b"%d" % len(told.body))
    return Response(told.status, told.body, (*told.headers, (b"x-request-id", request_id.encode()), length))


def end(transport: asyncio.Transport) -> None:
    """Close once all is sent; a client that takes nothing of it for long is cut off."""
    transport.close()
    _look(transport, None)


def _look(transport: asyncio.Transport, before: int | None) -> None:
    unread = transport.get_write_buffer_size()
    if unread and before is not None and unread >= before:
        transport.abort()
    elif unread:
        asyncio.get_running_loop().call_later(UNREAD_S, _look, transport, unread)

"""How a connection ends: what is wrong is told in the envelope, and all that was sent gets its time."""

from __future__ import annotations

import asyncio
from secrets import token_hex

from monynha.core.errors import AppError
from monynha.protocols.http.response import Response, error_response

UNREAD_TIMEOUT_S = 30.0
"""How long a client may take nothing of what it was sent."""


def build_rejection(error: AppError) -> Response:
    """Return the answer to what cannot be handled, with the headers that the edge gives to all others."""
    request_id = token_hex(16)
    response = error_response(error, request_id)
    content_length = (b"content-length", b"%d" % len(response.body))
    return Response(
        response.status,
        response.body,
        (*response.headers, (b"x-request-id", request_id.encode()), content_length),
    )


def close_gracefully(transport: asyncio.Transport) -> None:
    """Close once all is sent; a client that takes nothing of it for long is cut off."""
    transport.close()
    _abort_if_stalled(transport, None)


def _abort_if_stalled(transport: asyncio.Transport, unread_before: int | None) -> None:
    unread = transport.get_write_buffer_size()
    if unread and unread_before is not None and unread >= unread_before:
        transport.abort()
    elif unread:
        asyncio.get_running_loop().call_later(UNREAD_TIMEOUT_S, _abort_if_stalled, transport, unread)

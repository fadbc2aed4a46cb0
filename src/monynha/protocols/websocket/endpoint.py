"""Accept sockets at `/ws`, with an access token in the header, in the URL, or in the first message."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.websocket.context import WebSocketContext
from monynha.protocols.websocket.session import WebSocketSession

PATH = "/ws"


@dataclass(frozen=True)
class WebSocketEndpoint:
    """Serves the sockets of the program's own protocol."""

    context: WebSocketContext

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one socket until it is closed."""
        socket.accept()
        await WebSocketSession(self.context, socket).run(_handshake_token(socket))


def _handshake_token(socket: WebSocket) -> str | None:
    header = (socket.header(b"authorization") or b"").decode("latin-1")
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    query = parse_qs(socket.scope["query_string"].decode("latin-1"))
    return query["token"][0] if "token" in query else None

"""The address of `/ws`: takes a token from where it may stand, and hands the socket to a session."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from monynha.protocols.http.socket import Socket
from monynha.protocols.websocket.parts import Live
from monynha.protocols.websocket.session import Session

PATH = "/ws"


@dataclass(frozen=True)
class LiveSocket:
    """Accepts sockets of the program's own protocol."""

    live: Live

    async def __call__(self, socket: Socket) -> None:
        """Serve one socket."""
        socket.accept()
        await Session(self.live, socket).run(_token(socket))


def _token(socket: Socket) -> str | None:
    header = (socket.header(b"authorization") or b"").decode("latin-1")
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    query = parse_qs(socket.scope["query_string"].decode("latin-1"))
    return query["token"][0] if "token" in query else None

"""GraphQL over a WebSocket, as the subprotocol `graphql-transport-ws` has it (npm: graphql-ws)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import orjson

from monynha.core.actor import NOBODY, Actor
from monynha.core.errors import BadRequest, Fault, Unauthenticated, Unavailable
from monynha.engine.vigil import Vigil
from monynha.protocols.graphql.operation import Operation
from monynha.protocols.graphql.sent import read_sent
from monynha.protocols.graphql.service import GraphQL
from monynha.protocols.http.request import Message, Request, Scope
from monynha.protocols.http.socket import FAILED, TOO_SLOW, Socket
from monynha.protocols.websocket.pace import Pace
from monynha.protocols.websocket.reading import read_object

PROTOCOL = "graphql-transport-ws"
INIT_WITHIN_S = 10.0
MOST_OPERATIONS = 100
LONGEST_ID = 200
BAD, UNAUTHORIZED, FORBIDDEN, UNKNOWN_PROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, SAME_ID, TOO_MANY_INITS = 4408, 4409, 4429


class _Closing(Exception):
    """The peer breaks the protocol: the code with which the socket closes, and why."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class GraphQLSocket:
    """Accepts sockets at the address of GraphQL."""

    service: GraphQL
    verify: Callable[[str], Actor]
    client_of: Callable[[Scope], str]

    async def __call__(self, socket: Socket) -> None:
        """Serve one socket."""
        offered = (socket.header(b"sec-websocket-protocol") or b"").decode("latin-1")
        if PROTOCOL not in (one.strip() for one in offered.split(",")):
            # Refused as the protocol wants it: a browser is told the code of a socket that was open only.
            socket.accept()
            socket.close(UNKNOWN_PROTOCOL, "Subprotocol not acceptable")
            return
        socket.accept(PROTOCOL)
        await _Connection(self, socket).run()

    def request(self, socket: Socket) -> Request:
        """Return an operation as if it had come by HTTP, with the head of the handshake."""
        scope = {**socket.scope, "method": "GET"}
        return Request(scope, _no_body, id=token_hex(16), client=self.client_of(socket.scope))


async def _no_body() -> Message:
    return {"type": "http.request"}


class _Connection:
    def __init__(self, of: GraphQLSocket, socket: Socket) -> None:
        self._of = of
        self._socket = socket
        self._actor: Actor | None = None
        self._vigil: Vigil | None = None
        self._operations: dict[str, Operation] = {}
        self._busy: set[Operation] = set()
        self._pace = Pace(time.monotonic)
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        late = (INIT_TIMEOUT, "Connection initialisation timeout")
        self._timer = loop.call_later(INIT_WITHIN_S, self._socket.close, *late)
        try:
            while (message := await self._socket.receive()) is not None:
                await self._take(message)
        except _Closing as closing:
            self._socket.close(closing.code, closing.reason)
        finally:
            self._timer.cancel()
            if self._vigil is not None:
                self._vigil.stop()
            for operation in list(self._busy):
                operation.leave()

    async def _take(self, message: str | bytes) -> None:
        try:
            body = read_object(message)
        except BadRequest:
            raise _Closing(BAD, "Invalid message received") from None
        kind, payload = body.get("type"), body.get("payload")
        if kind == "connection_init":
            await self._begin(_object(payload))
        elif kind == "ping":
            told = b"" if payload is None else b',"payload":' + orjson.dumps(_object(payload))
            if self._pace.allows():
                self._socket.send(b'{"type":"pong"' + told + b"}")
        elif kind == "pong":
            _object(payload)
        elif kind == "subscribe":
            self._subscribe(_id(body), payload)
        elif kind == "complete":
            operation = self._operations.pop(_id(body), None)
            if operation is not None:
                operation.leave()
        else:
            raise _Closing(BAD, "Invalid message received: its type is not known")

    async def _begin(self, payload: dict[str, Any]) -> None:
        if self._actor is not None:
            raise _Closing(TOO_MANY_INITS, "Too many initialisation requests")
        self._timer.cancel()
        try:
            actor = self._who(payload)
            if not actor.is_nobody:
                acting = self._of.service.database.acting(actor)
                self._vigil = Vigil(self._of.service.listening.hub, acting, self.end)
                await self._vigil.begin()
        except Unauthenticated:
            raise _Closing(FORBIDDEN, "Forbidden") from None
        except Unavailable as fault:
            raise _Closing(TOO_SLOW, fault.message) from None
        except Fault as fault:
            raise _Closing(FAILED, fault.message) from None
        self._actor = actor
        self._socket.send(b'{"type":"connection_ack"}')

    def _who(self, payload: dict[str, Any]) -> Actor:
        given = {name.lower(): value for name, value in payload.items()}
        token = given.get("authorization", given.get("token"))
        if token is None:
            token = (self._socket.header(b"authorization") or b"").decode("latin-1") or None
        if token is None:
            return NOBODY
        if not isinstance(token, str):
            raise Unauthenticated()
        scheme, _, rest = token.strip().partition(" ")
        return self._of.verify(rest.strip() if scheme.lower() == "bearer" else token.strip())

    def _subscribe(self, id: str, payload: object) -> None:
        if self._actor is None:
            raise _Closing(UNAUTHORIZED, "Unauthorized")
        if id in self._operations:
            raise _Closing(SAME_ID, f"Subscriber for {id} already exists")
        try:
            sent = read_sent(payload)
        except BadRequest as fault:
            raise _Closing(BAD, fault.message) from None
        operation = Operation(self._of.service, self._socket, id, on_end=self._forget)
        if len(self._busy) >= MOST_OPERATIONS:
            operation.refuse(f"At most {MOST_OPERATIONS} operations run on one socket.")
        elif not self._pace.allows():
            operation.refuse("Too many messages a second.")
        else:
            self._operations[id] = operation
            self._busy.add(operation)
            request = self._of.request(self._socket)
            operation.start(sent, self._actor, request, turn=self._turn, on_over=self.end)

    def _forget(self, operation: Operation) -> None:
        self._busy.discard(operation)
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    def end(self) -> None:
        """Close: the session is over. A client that has a newer token comes back with it."""
        self._socket.close(FORBIDDEN, "The session is over")


def _object(payload: object) -> dict[str, Any]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise _Closing(BAD, "Invalid message received: its payload is no object")
    return payload


def _id(body: dict[str, Any]) -> str:
    id = body.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= LONGEST_ID:
        raise _Closing(BAD, f"Invalid message received: its id is no text of 1 to {LONGEST_ID} characters")
    return id

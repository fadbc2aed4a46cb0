"""GraphQL over a WebSocket, as the subprotocol `graphql-transport-ws` has it (npm: graphql-ws)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import orjson

from monynha.core.actor import ANONYMOUS, Actor
from monynha.core.errors import AppError, BadRequestError, UnauthenticatedError, UnavailableError
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.protocols.graphql.executor import GraphQLExecutor
from monynha.protocols.graphql.transport.request_params import parse_request_params
from monynha.protocols.graphql.transport.socket_operation import SocketOperation
from monynha.protocols.http.request import Message, Request, Scope
from monynha.protocols.http.server.websocket import CLOSE_INTERNAL_ERROR, CLOSE_TRY_AGAIN_LATER, WebSocket
from monynha.protocols.realtime.message_parsing import parse_message_object
from monynha.protocols.realtime.token_bucket import TokenBucket

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
MAX_OPERATIONS = 100
MAX_ID_LENGTH = 200
CLOSE_BAD_REQUEST, CLOSE_UNAUTHORIZED, CLOSE_FORBIDDEN, CLOSE_SUBPROTOCOL_NOT_ACCEPTABLE = (
    4400,
    4401,
    4403,
    4406,
)
CLOSE_INIT_TIMEOUT, CLOSE_SUBSCRIBER_EXISTS, CLOSE_TOO_MANY_INITS = 4408, 4409, 4429


class _ProtocolError(Exception):
    """The peer breaks the protocol: the code with which the socket closes, and why."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class GraphQLSocketEndpoint:
    """Accepts sockets at the address of GraphQL."""

    executor: GraphQLExecutor
    verify: Callable[[str], Actor]
    client_ip_of: Callable[[Scope], str]

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one socket."""
        offered = (socket.header(b"sec-websocket-protocol") or b"").decode("latin-1")
        if PROTOCOL not in (one.strip() for one in offered.split(",")):
            # Refused as the protocol wants it: a browser is told the code of a socket that was open only.
            socket.accept()
            socket.close(CLOSE_SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        socket.accept(PROTOCOL)
        await _Connection(self, socket).run()

    def request(self, socket: WebSocket) -> Request:
        """Return an operation as if it had come by HTTP, with the head of the handshake."""
        scope = {**socket.scope, "method": "GET"}
        return Request(scope, _no_body, id=token_hex(16), client_ip=self.client_ip_of(socket.scope))


async def _no_body() -> Message:
    return {"type": "http.request"}


class _Connection:
    def __init__(self, endpoint: GraphQLSocketEndpoint, socket: WebSocket) -> None:
        self._endpoint = endpoint
        self._socket = socket
        self._actor: Actor | None = None
        self._session_monitor: SessionMonitor | None = None
        self._operations: dict[str, SocketOperation] = {}
        self._running: set[SocketOperation] = set()
        self._token_bucket = TokenBucket(time.monotonic)
        self._start_lock = asyncio.Lock()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        timeout = (CLOSE_INIT_TIMEOUT, "Connection initialisation timeout")
        self._timer = loop.call_later(INIT_TIMEOUT_S, self._socket.close, *timeout)
        try:
            while (message := await self._socket.receive()) is not None:
                await self._handle(message)
        except _ProtocolError as error:
            self._socket.close(error.code, error.reason)
        finally:
            self._timer.cancel()
            if self._session_monitor is not None:
                self._session_monitor.stop()
            for operation in list(self._running):
                operation.cancel()

    async def _handle(self, message: str | bytes) -> None:
        try:
            body = parse_message_object(message)
        except BadRequestError:
            raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received") from None
        message_type, payload = body.get("type"), body.get("payload")
        if message_type == "connection_init":
            await self._init(_require_object(payload))
        elif message_type == "ping":
            encoded_payload = b"" if payload is None else b',"payload":' + orjson.dumps(_require_object(payload))
            if self._token_bucket.try_take():
                self._socket.send_text(b'{"type":"pong"' + encoded_payload + b"}")
        elif message_type == "pong":
            _require_object(payload)
        elif message_type == "subscribe":
            self._subscribe(_require_id(body), payload)
        elif message_type == "complete":
            operation = self._operations.pop(_require_id(body), None)
            if operation is not None:
                operation.cancel()
        else:
            raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received: its type is not known")

    async def _init(self, payload: dict[str, Any]) -> None:
        if self._actor is not None:
            raise _ProtocolError(CLOSE_TOO_MANY_INITS, "Too many initialisation requests")
        self._timer.cancel()
        try:
            actor = self._authenticate(payload)
            if not actor.is_anonymous:
                connection = self._endpoint.executor.database.as_actor(actor)
                self._session_monitor = SessionMonitor(
                    self._endpoint.executor.subscription_services.hub, connection, self.on_session_end
                )
                await self._session_monitor.start()
        except UnauthenticatedError:
            raise _ProtocolError(CLOSE_FORBIDDEN, "Forbidden") from None
        except UnavailableError as error:
            raise _ProtocolError(CLOSE_TRY_AGAIN_LATER, error.message) from None
        except AppError as error:
            raise _ProtocolError(CLOSE_INTERNAL_ERROR, error.message) from None
        self._actor = actor
        self._socket.send_text(b'{"type":"connection_ack"}')

    def _authenticate(self, payload: dict[str, Any]) -> Actor:
        params = {name.lower(): value for name, value in payload.items()}
        token = params.get("authorization", params.get("token"))
        if token is None:
            token = (self._socket.header(b"authorization") or b"").decode("latin-1") or None
        if token is None:
            return ANONYMOUS
        if not isinstance(token, str):
            raise UnauthenticatedError()
        scheme, _, credentials = token.strip().partition(" ")
        return self._endpoint.verify(credentials.strip() if scheme.lower() == "bearer" else token.strip())

    def _subscribe(self, id: str, payload: object) -> None:
        if self._actor is None:
            raise _ProtocolError(CLOSE_UNAUTHORIZED, "Unauthorized")
        if id in self._operations:
            raise _ProtocolError(CLOSE_SUBSCRIBER_EXISTS, f"Subscriber for {id} already exists")
        try:
            params = parse_request_params(payload)
        except BadRequestError as error:
            raise _ProtocolError(CLOSE_BAD_REQUEST, error.message) from None
        operation = SocketOperation(self._endpoint.executor, self._socket, id, on_end=self._discard)
        if len(self._running) >= MAX_OPERATIONS:
            operation.reject(f"At most {MAX_OPERATIONS} operations run on one socket.")
        elif not self._token_bucket.try_take():
            operation.reject("Too many messages a second.")
        else:
            self._operations[id] = operation
            self._running.add(operation)
            request = self._endpoint.request(self._socket)
            operation.start(
                params, self._actor, request, start_lock=self._start_lock, on_session_end=self.on_session_end
            )

    def _discard(self, operation: SocketOperation) -> None:
        self._running.discard(operation)
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    def on_session_end(self) -> None:
        """Close: the session is over. A client that has a newer token comes back with it."""
        self._socket.close(CLOSE_FORBIDDEN, "The session is over")


def _require_object(payload: object) -> dict[str, Any]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received: its payload is no object")
    return payload


def _require_id(body: dict[str, Any]) -> str:
    id = body.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID_LENGTH:
        raise _ProtocolError(
            CLOSE_BAD_REQUEST,
            f"Invalid message received: its id is no text of 1 to {MAX_ID_LENGTH} characters",
        )
    return id

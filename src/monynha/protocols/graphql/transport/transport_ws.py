"""GraphQL over a WebSocket: the subprotocol `graphql-transport-ws` (npm: graphql-ws), with its close codes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

import orjson
import structlog

from monynha.core.actor import ANONYMOUS, Actor
from monynha.core.errors import (
    AppError,
    BadRequestError,
    InternalError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.protocols.graphql.errors import ErrorEntry, RequestError, encode_errors, format_error
from monynha.protocols.graphql.execution.context import Caller
from monynha.protocols.graphql.executor import GraphQLExecutor, PreparedOperation
from monynha.protocols.graphql.subscriptions.event_budget import EventBudget
from monynha.protocols.graphql.subscriptions.subscription import GraphQLSubscription
from monynha.protocols.graphql.transport.request_params import RequestParams, parse_request_params
from monynha.protocols.http.request import Scope
from monynha.protocols.http.server.token_bucket import message_cost
from monynha.protocols.http.server.websocket import CLOSE_INTERNAL_ERROR, CLOSE_TRY_AGAIN_LATER, WebSocket
from monynha.protocols.realtime.message_parsing import parse_message_object

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
MAX_OPERATIONS = 100
MAX_ID_LENGTH = 200
CLOSE_BAD_REQUEST, CLOSE_UNAUTHORIZED, CLOSE_FORBIDDEN = 4400, 4401, 4403
CLOSE_SUBPROTOCOL_NOT_ACCEPTABLE, CLOSE_INIT_TIMEOUT = 4406, 4408
CLOSE_SUBSCRIBER_EXISTS, CLOSE_TOO_MANY_INITS = 4409, 4429
_log = structlog.get_logger("monynha.graphql")


class _ProtocolError(Exception):
    """The client breaks the protocol; the socket closes with the code and the reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class GraphQLSocketEndpoint:
    """Accepts WebSockets at `/graphql`."""

    executor: GraphQLExecutor
    verify: Callable[[str], Actor]
    client_ip_of: Callable[[Scope], str]

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one socket until it closes."""
        offered = (socket.header(b"sec-websocket-protocol") or b"").decode("latin-1")
        if PROTOCOL not in (name.strip() for name in offered.split(",")):
            # Accepted and closed, since browsers report the close code of an open socket only.
            socket.accept()
            socket.close(CLOSE_SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        socket.accept(PROTOCOL)
        await _Connection(self, socket).run()


class _Connection:
    """One socket: its session, and the operations that run on it."""

    def __init__(self, endpoint: GraphQLSocketEndpoint, socket: WebSocket) -> None:
        self._endpoint = endpoint
        self._executor = endpoint.executor
        self._socket = socket
        self._client_ip = endpoint.client_ip_of(socket.scope)
        self._user_agent = (socket.header(b"user-agent") or b"").decode("latin-1")
        self._accept_language = (socket.header(b"accept-language") or b"").decode("latin-1")
        self._actor: Actor | None = None
        self._session_monitor: SessionMonitor | None = None
        self._operations: dict[str, SocketOperation] = {}
        self._running: set[SocketOperation] = set()
        self._start_lock = asyncio.Lock()
        self._is_within_budget = True
        """Whether the message that is being handled is one of those that the socket may send."""
        self._event_budget = EventBudget(self._executor.query_planner.compiler.limits)

    async def run(self) -> None:
        timeout = (CLOSE_INIT_TIMEOUT, "Connection initialisation timeout")
        loop = asyncio.get_running_loop()
        self._init_timer = loop.call_later(INIT_TIMEOUT_S, self._socket.close, *timeout)
        try:
            while (message := await self._socket.receive()) is not None:
                self._is_within_budget = self._socket.budget.try_take(message_cost(message))
                await self._handle(message)
        except _ProtocolError as error:
            self._socket.close(error.code, error.reason)
        finally:
            self._init_timer.cancel()
            if self._session_monitor is not None:
                self._session_monitor.stop()
            for operation in list(self._running):
                operation.cancel()

    async def _handle(self, message: str | bytes) -> None:
        try:
            body: Mapping[str, object] = parse_message_object(message)
        except BadRequestError:
            raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received") from None
        message_type, payload = body.get("type"), body.get("payload")
        if message_type == "connection_init":
            await self._init(_require_object(payload))
        elif message_type == "ping":
            self._pong(payload)
        elif message_type == "pong":
            _require_object(payload)
        elif message_type == "subscribe":
            self._subscribe(_require_id(body), payload)
        elif message_type == "complete":
            operation = self._operations.pop(_require_id(body), None)
            if operation is not None:
                operation.cancel()
        else:
            raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received: its type is unknown")

    def _pong(self, payload: object) -> None:
        encoded_payload = b"" if payload is None else b',"payload":' + orjson.dumps(_require_object(payload))
        if self._is_within_budget:
            self._socket.send_text(b'{"type":"pong"' + encoded_payload + b"}")

    async def _init(self, payload: Mapping[str, object]) -> None:
        if self._actor is not None:
            raise _ProtocolError(CLOSE_TOO_MANY_INITS, "Too many initialisation requests")
        self._init_timer.cancel()
        try:
            actor = self._authenticate(payload)
            if not actor.is_anonymous:
                connection = self._executor.database.as_actor(actor)
                hub = self._executor.subscription_services.hub
                self._session_monitor = SessionMonitor(hub, connection, self.on_session_end)
                await self._session_monitor.start()
        except UnauthenticatedError:
            raise _ProtocolError(CLOSE_FORBIDDEN, "Forbidden") from None
        except UnavailableError as error:
            raise _ProtocolError(CLOSE_TRY_AGAIN_LATER, error.message) from None
        except AppError as error:
            raise _ProtocolError(CLOSE_INTERNAL_ERROR, error.message) from None
        self._actor = actor
        if not actor.is_anonymous:
            self._socket.mark_authenticated()
        self._socket.send_text(b'{"type":"connection_ack"}')

    def _authenticate(self, payload: Mapping[str, object]) -> Actor:
        """Return the actor of the token in the payload or the handshake (UnauthenticatedError)."""
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
        operation = SocketOperation(
            self._executor, self._socket, id, on_end=self._discard, event_budget=self._event_budget
        )
        if len(self._running) >= MAX_OPERATIONS:
            operation.reject(f"At most {MAX_OPERATIONS} operations can run on one socket.")
        elif not self._is_within_budget:
            operation.reject("Too many messages per second.")
        else:
            self._operations[id] = operation
            self._running.add(operation)
            caller = Caller(self._actor, token_hex(16), self._client_ip, self._user_agent, self._accept_language)
            operation.start(params, caller, start_lock=self._start_lock, on_session_end=self.on_session_end)

    def _discard(self, operation: SocketOperation) -> None:
        self._running.discard(operation)
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    def on_session_end(self) -> None:
        """Close the socket; a client with a newer token reconnects."""
        self._socket.close(CLOSE_FORBIDDEN, "The session is over")


class SocketOperation:
    """One operation, from `subscribe` to `complete`, and the sink of its results.

    After `cancel` it sends nothing more; a query is ended, in the database too, and anything else finishes what it has
    begun. The operations of one socket start one after the other. The protocol does not
    acknowledge a subscription, but whatever the client sends after it runs once it is active; and a client that sends
    a hundred at once does not hold up other sockets.
    """

    def __init__(
        self,
        executor: GraphQLExecutor,
        socket: WebSocket,
        id: str,
        *,
        on_end: Callable[[SocketOperation], None],
        event_budget: EventBudget,
    ) -> None:
        self._event_budget = event_budget
        self.id = id
        self._executor = executor
        self._socket = socket
        self._on_end = on_end
        self._subscription: GraphQLSubscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = self._is_query = False
        self._request_id: str | None = None

    @property
    def sink(self) -> WebSocket:
        """The socket, whose back-pressure slows a subscription down."""
        return self._socket

    def start(
        self,
        params: RequestParams,
        caller: Caller,
        *,
        start_lock: asyncio.Lock,
        on_session_end: Callable[[], None],
    ) -> None:
        """Run in the background; `on_session_end` is called if the session turns out to be over."""
        self._request_id = caller.request_id
        self._task = asyncio.create_task(self._run(params, caller, start_lock, on_session_end))

    async def _run(
        self,
        params: RequestParams,
        caller: Caller,
        start_lock: asyncio.Lock,
        on_session_end: Callable[[], None],
    ) -> None:
        try:
            async with start_lock:
                prepared = await self._prepare(params, caller)
            if prepared is not None:
                self._is_query = prepared.is_query
                result = await self._executor.execute_in_time(prepared)
                await self._socket.drain()
                self.next(result)
                self._send(b"complete")
                self._finish()
        except RequestError as error:
            self._send_errors(error.errors)
        except UnauthenticatedError as error:
            self.fail(error)
            if not caller.actor.is_anonymous:
                on_session_end()
        except AppError as error:
            self.fail(error)
        except Exception as error:
            _log.error("failed", err={"type": type(error).__name__}, requestId=caller.request_id)
            self.fail(InternalError())
        finally:
            self._task = None
            if self._is_cancelled:
                self._finish()

    async def _prepare(self, params: RequestParams, caller: Caller) -> PreparedOperation | None:
        """Return a query or mutation to execute, None if a subscription was started or the operation is cancelled."""
        if self._is_cancelled:
            return None
        await self._executor.count_requests(caller, 1)
        prepared = await self._executor.prepare(params, caller)
        if not prepared.is_subscription:
            return prepared
        self._subscription = await self._executor.create_subscription(prepared, self, event_budget=self._event_budget)
        await self._subscription.start()
        return None

    def next(self, result: bytes) -> None:
        """Send a result."""
        self._send(b"next", result)

    def fail(self, error: AppError) -> None:
        """Send an error as the last message; the protocol wants no `complete` after it."""
        self._send_errors([format_error(error, request_id=self._request_id)])

    def reject(self, message: str) -> None:
        """Refuse to start."""
        self.fail(RateLimitedError(message, retry_after_s=1))

    def cancel(self) -> None:
        """Send nothing more: the client has completed the operation or closed the socket."""
        self._is_cancelled = True
        if self._task is None:
            self._finish()
        elif self._subscription is not None:
            self._subscription.stop()
        elif self._is_query:
            self._task.cancel()

    def _send_errors(self, errors: Sequence[ErrorEntry]) -> None:
        self._send(b"error", encode_errors(errors))
        self._finish()

    def _finish(self) -> None:
        self._is_cancelled = True
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None
        self._on_end(self)

    def _send(self, message_type: bytes, payload: bytes = b"") -> None:
        if not self._is_cancelled:
            tail = b',"payload":' + payload if payload else b""
            message = b'{"id":' + orjson.dumps(self.id) + b',"type":"' + message_type + b'"' + tail + b"}"
            self._socket.send_text(message)


def _require_object(payload: object) -> Mapping[str, object]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise _ProtocolError(CLOSE_BAD_REQUEST, "Invalid message received: its payload is not an object")
    return payload


def _require_id(body: Mapping[str, object]) -> str:
    id = body.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID_LENGTH:
        raise _ProtocolError(
            CLOSE_BAD_REQUEST, f"Invalid message received: its id must be a text of 1 to {MAX_ID_LENGTH} characters"
        )
    return id

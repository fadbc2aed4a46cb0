"""One operation on a socket, from `subscribe` to `complete`: the sink of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog

from monynha.core.actor import Actor
from monynha.core.errors import AppError, InternalError, RateLimitedError, UnauthenticatedError
from monynha.protocols.graphql.errors import RequestError, format_error
from monynha.protocols.graphql.executor import GraphQLExecutor, PreparedOperation
from monynha.protocols.graphql.subscriptions.subscription import GraphQLSubscription
from monynha.protocols.graphql.transport.request_params import RequestParams
from monynha.protocols.http.request import Request
from monynha.protocols.http.server.websocket import WebSocket

_log = structlog.get_logger("monynha.graphql")


class SocketOperation:
    """Runs, and tells under its id; once it is left it tells nothing more, but ends what it has begun.

    Work that the database does for it is never broken off, since that would cost a connection. Those of one
    socket begin one after the other: nothing says that a subscription listens, but what is sent later is
    asked then; and whoever sends a hundred at once does not hold up other sockets.
    """

    def __init__(
        self,
        service: GraphQLExecutor,
        socket: WebSocket,
        id: str,
        *,
        on_end: Callable[[SocketOperation], None],
    ) -> None:
        self.id = id
        self._executor = service
        self._socket = socket
        self._on_end = on_end
        self._subscription: GraphQLSubscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = False
        self._request_id: str | None = None

    @property
    def sink(self) -> WebSocket:
        """The socket."""
        return self._socket

    def start(
        self,
        params: RequestParams,
        actor: Actor,
        request: Request,
        *,
        start_lock: asyncio.Lock,
        on_session_end: Callable[[], None],
    ) -> None:
        """Begin when it is its `turn`; `on_over` is called where the session turns out to be over."""
        self._request_id = request.id
        self._task = asyncio.create_task(self._run(params, actor, request, start_lock, on_session_end=on_session_end))

    async def _run(
        self,
        params: RequestParams,
        actor: Actor,
        request: Request,
        start_lock: asyncio.Lock,
        *,
        on_session_end: Callable[[], None],
    ) -> None:
        try:
            async with start_lock:
                prepared = await self._prepare(params, actor, request)
            if prepared is not None:
                self.next(await self._executor.execute(prepared, request))
                self._send(b"complete")
                self._finish()
        except RequestError as error:
            self._send_errors(error.errors)
        except UnauthenticatedError as error:
            self.fail(error)
            if not actor.is_anonymous:
                on_session_end()
        except AppError as error:
            self.fail(error)
        except Exception as error:
            _log.error("failed", err={"type": type(error).__name__}, requestId=request.id)
            self.fail(InternalError())
        finally:
            self._task = None
            if self._is_cancelled:
                self._finish()

    async def _prepare(self, params: RequestParams, actor: Actor, request: Request) -> PreparedOperation | None:
        """Return what is to be answered once, None where it listens from now on or was left."""
        if self._is_cancelled:
            return None
        await self._executor.count_requests(request, actor, 1)
        prepared = await self._executor.prepare(params, actor)
        if not prepared.is_subscription:
            return prepared
        self._subscription = await self._executor.create_subscription(prepared, self)
        await self._subscription.start()
        return None

    def next(self, result: bytes) -> None:
        """Tell an answer."""
        self._send(b"next", result)

    def fail(self, error: AppError) -> None:
        """Tell the last word: an error, after which the protocol wants no `complete`."""
        self._send_errors([format_error(error, request_id=self._request_id)])

    def reject(self, message: str) -> None:
        """Tell that it does not even begin."""
        self.fail(RateLimitedError(message, retry_after_s=1))

    def cancel(self) -> None:
        """Tell nothing more: the client has left."""
        self._is_cancelled = True
        if self._task is None:
            self._finish()
        elif self._subscription is not None:
            self._subscription.stop()

    def _send_errors(self, errors: Sequence[dict[str, Any]]) -> None:
        self._send(b"error", orjson.dumps(list(errors), default=str))
        self._finish()

    def _finish(self) -> None:
        self._is_cancelled = True
        if self._subscription is not None:
            self._subscription.stop()
        self._on_end(self)

    def _send(self, message_type: bytes, payload: bytes = b"") -> None:
        if not self._is_cancelled:
            tail = b',"payload":' + payload if payload else b""
            self._socket.send_text(b'{"id":' + orjson.dumps(self.id) + b',"type":"' + message_type + b'"' + tail + b"}")

"""The outermost layer of HTTP: request ids, errors into answers, CORS, one log line a request."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from logging import ERROR, INFO
from secrets import token_hex

import structlog

from monynha.core.errors import AppError, InternalError
from monynha.infra.postgres.errors import ConstraintViolationError, RetryTransactionError
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.request import Receive, Request, Scope, Send
from monynha.protocols.http.response import SEND_COMPLETE, Headers, Response
from monynha.protocols.http.router import Router
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.http.streaming_response import send_stream, send_stream_head

_log = structlog.get_logger("monynha.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_REQUEST_ID_PREFIX, _request_numbers = token_hex(12), count()
"""What begins the ids that this process gives, and what ends them."""


WebSocketHandler = Callable[[WebSocket], Awaitable[None]]


@dataclass(frozen=True)
class HttpApplication:
    """An ASGI application that answers every request, whatever happens inside."""

    router: Router
    cors: CorsPolicy
    resolve_client_ip: Callable[[Scope], str]
    shows_stack: bool = False
    websocket_handlers: Mapping[str, WebSocketHandler] = field(default_factory=dict)
    logs_requests: bool = field(default_factory=lambda: _log.is_enabled_for(INFO))
    """Whether the log takes a line a request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or hold one socket."""
        if scope["type"] == "websocket":
            await self._handle_websocket(scope["monynha.socket"])
            return
        started_at = time.perf_counter()
        request = Request(scope, receive, client_ip=self.resolve_client_ip(scope))
        request.id = _request_id(request)
        response = await self._handle(request)
        await self._send(request, response, receive, send)
        if request.failure or self.logs_requests:
            _log_request(request, response, time.perf_counter() - started_at)

    async def _handle_websocket(self, websocket: WebSocket) -> None:
        path: str = websocket.scope["path"]
        handler = self.websocket_handlers.get(path)
        origin = websocket.header(b"origin")
        if handler is None:
            websocket.reject(404, b'{"error":"There is no socket at this address."}')
        elif origin is not None and not self._is_allowed_origin(websocket, origin.decode("latin-1")):
            # A browser sends cookies along to any site: pages of strangers do not even get a socket.
            websocket.reject(403, b'{"error":"Pages of this origin may not connect."}')
        else:
            started_at = time.perf_counter()
            _log.info("socket", path=path, ip=self.resolve_client_ip(websocket.scope))
            await handler(websocket)
            _log.info("socket closed", path=path, duration=round((time.perf_counter() - started_at) * 1000, 3))

    def _is_allowed_origin(self, websocket: WebSocket, origin: str) -> bool:
        host = (websocket.header(b"host") or b"").decode("latin-1")
        return origin.partition("://")[2] == host or self.cors.allows(origin)

    async def _handle(self, request: Request) -> Response:
        try:
            if request.method == "OPTIONS":
                return self.cors.preflight(request, self.router.allowed_methods(request.path))
            match = self.router.match(request.method, request.path)
            request.path_params = match.path_params
            return await match.handler(request)
        except AppError as error:
            return self._error_response(error, request, error)
        except Exception as unexpected_error:
            return self._error_response(InternalError(), request, unexpected_error)

    def _error_response(self, error: AppError, request: Request, cause: Exception) -> Response:
        stack: Sequence[str] = ()
        if error.status == 500:
            request.failure = cause.__cause__ or cause
            stack = _project_frames(cause) if self.shows_stack else ()
        return self.router.error_renderer_for(request.path)(error, request, stack)

    async def _send(self, request: Request, response: Response, receive: Receive, send: Send) -> None:
        cors_headers = self.cors.response_headers(request)
        if response.stream is not None:
            common_headers: Headers = ((b"x-request-id", request.id.encode()), *cors_headers)
            await (send_stream_head if request.method == "HEAD" else send_stream)(
                response, common_headers, receive, send
            )
            return
        headers: Headers = (*response.headers, (b"x-request-id", request.id.encode()), *cors_headers)
        if response.status != 204 and response.status != 304:
            headers = (*headers, (b"content-length", b"%d" % len(response.body)))
        body = b"" if request.method == "HEAD" else response.body
        send_complete = request.scope.get(SEND_COMPLETE)
        if send_complete is not None:
            send_complete(response.status, headers, body)
        else:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def _request_id(request: Request) -> str:
    client_id = request.header(b"x-request-id")
    if client_id is not None and _REQUEST_ID.fullmatch(client_id):
        return client_id
    return f"{_REQUEST_ID_PREFIX}{next(_request_numbers):08x}"


def _log_request(request: Request, response: Response, duration_s: float) -> None:
    failure = request.failure
    _log.log(
        ERROR if failure else INFO,
        "request",
        method=request.method,
        path=request.path,
        query=[name.partition(b"=")[0].decode("latin-1") for name in request.scope["query_string"].split(b"&") if name],
        status=response.status,
        duration=round(duration_s * 1000, 3),
        ip=request.client_ip,
        userAgent=request.header(b"user-agent"),
        userId=request.actor.id if request.actor else None,
        requestId=request.id,
        **({"err": _describe_error(failure)} if failure else {}),
    )


def _describe_error(error: BaseException) -> dict[str, object]:
    # The message of a driver's error may quote a row's values: the log names what failed, not with what.
    message = (
        str(error)
        if isinstance(error, AppError | ConstraintViolationError | RetryTransactionError)
        else getattr(error, "sqlstate", None) or ""
    )
    return {"type": type(error).__name__, "message": message, "stack": _project_frames(error)}


def _project_frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    project_frames = [frame for frame in frames if "monynha" in frame.filename]
    return [f"{frame.filename.rpartition('monynha/')[2]}:{frame.lineno} in {frame.name}" for frame in project_frames]

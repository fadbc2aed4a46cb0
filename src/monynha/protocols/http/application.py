"""The HTTP application (ASGI): request id → route → handler → errors → CORS → send → log line."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from logging import INFO
from secrets import token_hex
from typing import cast

import structlog

from monynha.core.errors import AppError, InternalError, RateLimitedError
from monynha.core.logs import EventLog
from monynha.core.request_context import RequestContext, reset_request_source, set_request_source, stored_user_agent
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.deadlines import RequestDeadlines, deadline_error
from monynha.protocols.http.rate_limits import rate_limit_subject
from monynha.protocols.http.request import HttpScope, Receive, Request, Scope, Send, peer_ip
from monynha.protocols.http.request_log import RequestLog, package_frames
from monynha.protocols.http.response import (
    NO_SNIFFING,
    Headers,
    Response,
    decode_header_lines,
    encode_header_lines,
)
from monynha.protocols.http.router import Router
from monynha.protocols.http.server.unauthenticated_sockets import UnauthenticatedSockets
from monynha.protocols.http.server.websocket import WebSocket, WebSocketScope

_log = structlog.get_logger("monynha.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_REQUEST_ID_PREFIX, _request_numbers = token_hex(12), count()
"""A request id is the random prefix of this process and a number."""

_LARGE_CHUNK_BYTES = 32_768

WebSocketHandler = Callable[[WebSocket], Awaitable[None]]
_HttpArguments = tuple[HttpScope, Receive, Send]


@dataclass(frozen=True, slots=True)
class _WebSocketSource:
    """The request context of what a WebSocket asks for."""

    websocket: WebSocket
    client_ip: str

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, which nobody knows of a WebSocket."""
        return False

    def context(self) -> RequestContext:
        """Return the context; a WebSocket has no request id."""
        user_agent = (self.websocket.header(b"user-agent") or b"").decode("latin-1")
        return RequestContext(self.client_ip, stored_user_agent(user_agent))


@dataclass(frozen=True)
class HttpApplication:
    """The ASGI application: answers every request, whatever its handler raises."""

    router: Router
    cors: CorsPolicy
    client_ip_of: Callable[[Scope], str] = peer_ip
    deadlines: RequestDeadlines = field(default_factory=RequestDeadlines)
    shows_stack: bool = False
    """Whether a 500 contains the stack (in development)."""
    websocket_handlers: Mapping[str, WebSocketHandler] = field(default_factory=dict)
    """By path."""
    unauthenticated_sockets: UnauthenticatedSockets = field(default_factory=UnauthenticatedSockets)
    request_log: RequestLog = field(default_factory=lambda: RequestLog(EventLog()))
    security_header_lines: bytes = encode_header_lines((NO_SNIFFING,))
    """Sent with every response."""
    bearer_challenges: Mapping[str, bytes] = field(default_factory=dict)
    """The `WWW-Authenticate` of a 401 by the prefix of its path, which says where tokens are issued (RFC 9728 §5.1)."""
    logs_requests: bool = field(default_factory=lambda: _log.is_enabled_for(INFO))

    async def __call__(
        self,
        scope: Mapping[str, object],
        receive: Callable[[], Awaitable[Mapping[str, object]]],
        send: Callable[[MutableMapping[str, object]], Awaitable[None]],
    ) -> None:
        """Handle one HTTP request, or one WebSocket until it closes."""
        if scope["type"] == "websocket":
            # The class `WebSocket` passes this scope.
            await self._handle_websocket(cast(WebSocketScope, scope)["websocket"])
            return
        started_at = time.perf_counter()
        # In ASGI's mappings the type of a value depends on its key, as the specification says.
        http_scope, http_receive, http_send = cast(_HttpArguments, (scope, receive, send))
        request = Request(http_scope, http_receive, client_ip=self.client_ip_of(http_scope), received_at=started_at)
        request.id = _request_id(request)
        token = set_request_source(request)
        try:
            response = await self._respond(request)
            await self._send(request, response, http_receive, http_send)
        finally:
            reset_request_source(token)
        if request.failure or self.logs_requests:
            self.request_log.log(request, response, time.perf_counter() - started_at)

    async def _handle_websocket(self, websocket: WebSocket) -> None:
        path = websocket.scope["path"]
        handler = self.websocket_handlers.get(path)
        origin = websocket.header(b"origin")
        if handler is None:
            websocket.reject(404, b'{"error":"There is no WebSocket endpoint at this path."}')
        elif origin is not None and not self._is_allowed_origin(websocket, origin.decode("latin-1")):
            # CORS does not apply to WebSockets: a browser connects pages of any site, and sends cookies along.
            websocket.reject(403, b'{"error":"This origin may not connect."}')
        else:
            await self._serve_websocket(handler, websocket)

    async def _serve_websocket(self, handler: WebSocketHandler, websocket: WebSocket) -> None:
        path, client_ip = websocket.scope["path"], self.client_ip_of(websocket.scope)
        slot = websocket.slot = self.unauthenticated_sockets.acquire(rate_limit_subject(client_ip))
        if slot is None:
            websocket.reject(429, b'{"error":"Too many WebSockets of this address are not authenticated yet."}')
            return
        started_at = time.perf_counter()
        _log.info("websocket opened", path=path, ip=client_ip)
        token = set_request_source(_WebSocketSource(websocket, client_ip))
        try:
            await handler(websocket)
        finally:
            reset_request_source(token)
            slot.release()
        duration_ms = round((time.perf_counter() - started_at) * 1000, 3)
        _log.info("websocket closed", path=path, duration=duration_ms)

    def _is_allowed_origin(self, websocket: WebSocket, origin: str) -> bool:
        host = (websocket.header(b"host") or b"").decode("latin-1")
        return origin.partition("://")[2] == host or self.cors.allows(origin)

    async def _respond(self, request: Request) -> Response:
        try:
            if request.method == "OPTIONS":
                return await self._respond_to_options(request)
            match = self.router.match(request.method, request.path)
            request.path_params = match.path_params
            self.deadlines.begin(request)
            return await match.handler(request)
        except asyncio.CancelledError:
            if not self.deadlines.take_cancellation(request):
                raise
            error = deadline_error(self.deadlines.limit_s(request))
            return self._error_response(error, request, error)
        except AppError as error:
            return self._error_response(error, request, error)
        except Exception as unexpected_error:
            return self._error_response(InternalError(), request, unexpected_error)
        finally:
            self.deadlines.end(request)

    async def _respond_to_options(self, request: Request) -> Response:
        """Answer a browser's preflight request, or tell what may be done at a path."""
        match = self.router.match_options(request.path)
        if match is None or request.header(b"access-control-request-method") is not None:
            methods = self.router.allowed_methods(request.path)
            return self.cors.preflight(request.header(b"origin"), methods)
        return await match.handler(request)

    def _error_response(self, error: AppError, request: Request, cause: Exception) -> Response:
        stack: Sequence[str] = ()
        if isinstance(error, RateLimitedError):
            # It reports the limit that it exceeds.
            request.response_header_lines = b""
        if error.status == 500:
            request.failure = cause.__cause__ or cause
            stack = package_frames(cause) if self.shows_stack else ()
        response = self.router.error_renderer_for(request.path)(error, request, stack)
        return self._with_challenge(request.path, response) if error.status == 401 else response

    def _with_challenge(self, path: str, response: Response) -> Response:
        """Return a 401 that says where a client gets a token, where that is known."""
        for prefix, challenge in self.bearer_challenges.items():
            if path.startswith(prefix):
                others = [header for header in response.headers if header[0] != b"www-authenticate"]
                return replace(response, headers=(*others, (b"www-authenticate", challenge)))
        return response

    async def _send(self, request: Request, response: Response, receive: Receive, send: Send) -> None:
        origin = request.header(b"origin")
        cors_headers = () if origin is None else self.cors.response_headers(origin)
        headers = response.headers if not cors_headers else (*response.headers, *cors_headers)
        lines = b"%b%bx-request-id: %b\r\n" % (
            request.response_header_lines,
            self.security_header_lines,
            request.id.encode(),
        )
        if response.content_length is not None:
            lines += b"content-length: %d\r\n" % response.content_length
        if response.stream is not None:
            if response.waiting_bytes is not None:
                request.scope["waiting_bytes"] = response.waiting_bytes
            send_stream = _send_stream_head if request.method == "HEAD" else _send_stream
            headers = (*headers, *decode_header_lines(lines))
            await send_stream(response.stream, response.status, headers, receive=receive, send=send)
            return
        if response.content_length is None and response.status != 204 and response.status != 304:
            lines += b"content-length: %d\r\n" % len(response.body)
        body = b"" if request.method == "HEAD" else response.body
        send_complete = request.scope.get("send_complete")
        if send_complete is not None:
            send_complete(response.status, headers, body, lines)
        else:
            headers = (*headers, *decode_header_lines(lines))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})


async def _send_stream(
    chunks: AsyncGenerator[bytes | bytearray], status: int, headers: Headers, *, receive: Receive, send: Send
) -> None:
    """Send chunk by chunk, until the stream ends or the client disconnects."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    sending = asyncio.create_task(_send_chunks(chunks, send))
    disconnecting = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({sending, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, disconnecting):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    with suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_chunks(chunks: AsyncGenerator[bytes | bytearray], send: Send) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if len(chunk) >= _LARGE_CHUNK_BYTES:
                # Neither reading a file nor a fast client need make this task wait: others come in between.
                await asyncio.sleep(0)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_stream_head(
    chunks: AsyncGenerator[bytes | bytearray], status: int, headers: Headers, *, receive: Receive, send: Send
) -> None:
    """Send the head only; start the generator, since closing one that never started skips its `finally`."""
    async with aclosing(chunks):
        with suppress(StopAsyncIteration):
            await anext(chunks)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _request_id(request: Request) -> str:
    client_id = request.header(b"x-request-id")
    if client_id is not None and _REQUEST_ID.fullmatch(client_id):
        return client_id
    return f"{_REQUEST_ID_PREFIX}{next(_request_numbers):08x}"

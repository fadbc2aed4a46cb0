"""HTTP/1.1 spoken straight on a connection (RFC 9112): heads are parsed, requests answered one by one.

uvicorn makes it for each client and counts it. Its own protocol takes twice the time: an answer is two calls,
every header is looked through twice, every request sets a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import httptools
import structlog

from monynha.core.errors import (
    AppError,
    BadRequestError,
    HeadersTooLargeError,
    InternalError,
    RequestTimeoutError,
)
from monynha.protocols.http.response import SEND_COMPLETE
from monynha.protocols.http.server.backpressure import DrainEvent
from monynha.protocols.http.server.header_validation import is_valid_head
from monynha.protocols.http.server.lingering_close import build_rejection, close_gracefully
from monynha.protocols.http.server.request_cycle import (
    CONNECTION_CLOSE,
    RequestCycle,
    build_scope,
    encode_head,
)

HEAD_LIMIT_BYTES = 64 * 1024
MAX_HEADERS = 100
HEAD_TIMEOUT_S = BODY_TIMEOUT_S = 30.0
"""How long a head may take, and a client that is waited for may say nothing."""
IDLE_TIMEOUT_S = 75.0
_log = structlog.get_logger("monynha.http")


class HttpConnection(asyncio.Protocol):
    """One client's connection. Requests that come before the answer to another wait for their turn."""

    def __init__(self, config: Any, server_state: Any, app_state: Any = None, _loop: Any = None) -> None:
        self._config = config
        self._app: Callable[..., Any] = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser = httptools.HttpRequestParser(self)
        self._client_address: tuple[str, int] | None = None
        self._current_cycle: RequestCycle | None = None
        self._latest_cycle: RequestCycle | None = None
        self._queued_cycles: deque[RequestCycle] = deque()
        self._url, self._head_bytes = b"", 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._is_reading_head = self._has_parsed_token = self._expects_continue = self._is_reading_paused = (
            self._is_write_buffer_full
        ) = False
        self._deferred_error: AppError | None = None
        self._parse_error: AppError | None = None
        self._drain_event = DrainEvent()
        self._last_received_at = self._head_started_at = self._loop.time()
        self._timeout_timer = self._loop.call_later(HEAD_TIMEOUT_S, self._check_timeouts)
        self._cached_default_headers, self._default_header_lines = None, b""
        self.is_disconnected = False
        self.is_shutting_down = False

    # What exchanges need.

    @property
    def default_header_lines(self) -> bytes:
        """The lines of every answer's head; uvicorn makes them anew each second."""
        default_headers = self._state.default_headers
        if default_headers is not self._cached_default_headers:
            self._cached_default_headers, self._default_header_lines = (
                default_headers,
                b"".join(b"%b: %b\r\n" % pair for pair in default_headers),
            )
        return self._default_header_lines

    def write(self, data: bytes) -> None:
        """Send bytes; nothing follows the last words."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Return once the client has read most of what was sent."""
        if not self._is_write_buffer_full or self.is_disconnected:
            return
        if not await self._drain_event.wait(BODY_TIMEOUT_S):
            self._transport.abort()

    def update_reading(self) -> None:
        """Read on, unless there is enough to do already or the client does not read itself."""
        latest_cycle = self._latest_cycle
        has_enough_work = bool(self._queued_cycles) or (latest_cycle is not None and latest_cycle.is_body_buffer_full)
        should_pause = has_enough_work or self._is_write_buffer_full or self._deferred_error is not None
        if should_pause != self._is_reading_paused and not self.is_disconnected:
            self._is_reading_paused = should_pause
            if should_pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def on_cycle_finished(self, cycle: RequestCycle) -> None:
        """Go on with the next request, or wait for one."""
        self._state.total_requests += 1
        self._current_cycle = None
        self._last_received_at = self._loop.time()
        if not cycle.keep_alive or self.is_shutting_down:
            close_gracefully(self._transport)
        elif self._deferred_error is not None and not self._queued_cycles:
            self._reject(self._deferred_error)
        elif self._queued_cycles or self._is_reading_paused:
            self._start_next_cycle()

    # What the server does: these names are uvicorn's and asyncio's.

    def shutdown(self) -> None:
        """End because the program stops: what is under way is answered first."""
        self.is_shutting_down = True
        self._queued_cycles.clear()
        if self._current_cycle is None:
            close_gracefully(self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._client_address = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a handler hears of it when it next looks."""
        self._state.connections.discard(self)
        self.is_disconnected = True
        self._timeout_timer.cancel()
        self._queued_cycles.clear()
        self.resume_writing()
        if self._current_cycle is not None:
            self._current_cycle.notify_handler()

    def eof_received(self) -> None:
        """Close when the client does."""

    def pause_writing(self) -> None:
        """Take notice that the client leaves much unread."""
        self._is_write_buffer_full = True
        self.update_reading()

    def resume_writing(self) -> None:
        """Take notice that the client has read most of it."""
        self._is_write_buffer_full = False
        self._drain_event.set()
        self._start_next_cycle()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._last_received_at = self._loop.time()
        self._has_parsed_token = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade_to_websocket(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._reject_after_pending(self._parse_error or BadRequestError())
            return
        # What is no body is kept by the parser until its line ends, and by us until its head does.
        self._head_bytes = 0 if self._has_parsed_token else self._head_bytes + len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._reject_after_pending(HeadersTooLargeError())

    # What the parser finds.

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_reading_head = self._has_parsed_token = True
        self._head_started_at = self._last_received_at
        self._url, self._headers, self._expects_continue = b"", [], False

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after a body would speak for one that was looked at already."""
        if not self._is_reading_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """A head ends; what is raised here reaches `data_received` as an error of the parser."""
        self._is_reading_head, self._has_parsed_token = False, True
        if len(self._headers) > MAX_HEADERS:
            self._parse_error = HeadersTooLargeError()
            raise self._parse_error
        parser = self._parser
        version = parser.get_http_version()
        if not is_valid_head(version, self._headers):
            raise BadRequestError()
        if parser.should_upgrade() and self._is_websocket_upgrade():
            return
        keep_alive = version != "1.0" and parser.should_keep_alive() and not parser.should_upgrade()
        method = parser.get_method().decode("ascii")
        scope = build_scope(method, self._url, version, headers=self._headers, client=self._client_address)
        cycle = RequestCycle(self, scope, keep_alive=keep_alive, expects_continue=self._expects_continue)
        cycle.scope[SEND_COMPLETE] = cycle.send_complete
        self._latest_cycle = cycle
        if self._current_cycle is None and not self._queued_cycles and not self._is_write_buffer_full:
            self._start_cycle(cycle)
        else:
            self._queued_cycles.append(cycle)
            self.update_reading()

    def on_body(self, part: bytes) -> None:
        """A part of a body."""
        self._has_parsed_token = True
        if self._latest_cycle is not None:
            self._latest_cycle.feed_body(part)
            self.update_reading()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._has_parsed_token = True
        if self._latest_cycle is not None:
            self._latest_cycle.finish_body()

    # Requests, one after the other.

    def _start_cycle(self, cycle: RequestCycle) -> None:
        self._current_cycle = cycle
        self._state.tasks.add(self._loop.create_task(self._run_cycle(cycle)))

    def _start_next_cycle(self) -> None:
        if (
            self._queued_cycles
            and self._current_cycle is None
            and not self._is_write_buffer_full
            and not self.is_disconnected
        ):
            self._start_cycle(self._queued_cycles.popleft())
        self.update_reading()

    async def _run_cycle(self, cycle: RequestCycle) -> None:
        try:
            await self._app(cycle.scope, cycle.receive, cycle.send)
        except Exception as error:
            _log.error("failed", err={"type": type(error).__name__})
        finally:
            self._state.tasks.discard(asyncio.current_task())
        if not cycle.is_response_finished and not self.is_disconnected:
            self._reject(InternalError())

    def _reject_after_pending(self, error: AppError) -> None:
        """Refuse what cannot be read; requests before it are answered first."""
        latest_cycle, current_cycle = self._latest_cycle, self._current_cycle
        if current_cycle is None or (latest_cycle is current_cycle and not current_cycle.is_body_complete):
            self._reject(error)
        elif latest_cycle is not None and latest_cycle.keep_alive:
            self._deferred_error = error
        self._transport.pause_reading()
        self._is_reading_paused = True

    def _reject(self, error: AppError) -> None:
        """Say why, and end; within an answer that has begun, another would be read as a part of it."""
        if self.is_disconnected or self._transport.is_closing():
            return
        self._queued_cycles.clear()
        if self._current_cycle is None or not self._current_cycle.is_response_started:
            response = build_rejection(error)
            self._transport.write(
                encode_head(response.status, (*response.headers, CONNECTION_CLOSE), date=self.default_header_lines)
                + response.body
            )
        close_gracefully(self._transport)

    def _check_timeouts(self) -> None:
        """Look, now and then, whether the client takes too long."""
        now, current_cycle = self._loop.time(), self._current_cycle
        silent_s = now - self._last_received_at
        if self._is_reading_head:
            silent_s, limit_s = now - self._head_started_at, HEAD_TIMEOUT_S
        elif current_cycle is None:
            limit_s = IDLE_TIMEOUT_S
        else:
            limit_s = (
                BODY_TIMEOUT_S
                if current_cycle.is_waiting_for_body and not current_cycle.is_response_started
                else float("inf")
            )
        if silent_s < limit_s:
            self._timeout_timer = self._loop.call_later(min(limit_s - silent_s, HEAD_TIMEOUT_S), self._check_timeouts)
        elif self._is_reading_head:
            self._reject(RequestTimeoutError())
        else:
            close_gracefully(self._transport)

    # Sockets.

    def _is_websocket_upgrade(self) -> bool:
        return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in self._headers)

    def _upgrade_to_websocket(self, remaining: bytes) -> None:
        if not self._is_websocket_upgrade():
            return
        if self._current_cycle is not None:
            self._reject_after_pending(BadRequestError())
            return
        self._state.connections.discard(self)
        self._timeout_timer.cancel()
        header_lines = b"".join([b"%b: %b\r\n" % pair for pair in self._headers])
        websocket = self._config.ws_protocol_class(config=self._config, server_state=self._state)
        websocket.connection_made(self._transport)
        self._transport.set_protocol(websocket)
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (self._parser.get_method(), self._url, header_lines)
        websocket.data_received(head + remaining)

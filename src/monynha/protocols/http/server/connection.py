"""HTTP/1.1 on one TCP connection: parse heads, handle requests one at a time, enforce timeouts (RFC 9112).

uvicorn accepts the connection and instantiates `HttpConnection` in place of its own protocol, which takes twice
the time: two calls per response, two passes over the headers, and a timer for every request.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from secrets import token_hex
from typing import Final, cast

import httptools
import structlog

from monynha.core.errors import (
    AppError,
    BadRequestError,
    HeadersTooLargeError,
    InternalError,
    RequestTimeoutError,
)
from monynha.protocols.http.request import Header
from monynha.protocols.http.response import NO_SNIFFING, Response, encode_header_lines, error_response
from monynha.protocols.http.server.backpressure import DrainEvent, close_gracefully
from monynha.protocols.http.server.request_cycle import (
    CONNECTION_CLOSE,
    DISCARD_LIMIT_BYTES,
    RequestCycle,
    build_scope,
    encode_head,
)
from monynha.protocols.http.server.unsent_bytes import SlowReader, UnsentBytes
from monynha.protocols.http.server.uvicorn_interface import ServerConfig, ServerState

HEAD_LIMIT_BYTES = 64 * 1024
MAX_HEADERS = 100
HEAD_TIMEOUT_S = 30.0
"""How long the head of a request may take to arrive."""
BODY_TIMEOUT_S, BODY_MIN_BYTES_PER_S = 10.0, 16 * 1024
"""How long a body may take: so many seconds, and one more for so many bytes of it."""
DRAIN_TIMEOUT_S = 30.0
"""How long a handler waits for a client that reads nothing of its response."""
IDLE_TIMEOUT_S = 75.0
HALF_CLOSE_TIMEOUT_S = 3.0
"""How long a response may take once the client has closed its side: most clients that do so have left."""
LINGER_TIMEOUT_S, LINGER_LIMIT_BYTES = 2.0, 1_000_000
"""How long, and for how many bytes, a client that is still sending is left time to read its response."""
_IGNORED_UPGRADE_TOKENS: Final = frozenset({b"upgrade", b"http2-settings"})
_HOST_PATTERN: Final = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)
_log = structlog.get_logger("monynha.http")


class HttpConnection(asyncio.Protocol):
    """One client connection; pipelined requests are queued until the previous response is finished."""

    def __init__(
        self,
        config: ServerConfig,
        server_state: ServerState,
        app_state: object = None,
        _loop: object = None,
        *,
        unsent_bytes: UnsentBytes,
    ) -> None:
        self._config = config
        self._unsent_bytes = unsent_bytes
        self._slow_reader: SlowReader | None = None
        self._last_write_bytes = 0
        self._app = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)  # set by connection_made, before anything else is called
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._client_address: tuple[str, int] | None = None
        self._current_cycle: RequestCycle | None = None
        self._latest_cycle: RequestCycle | None = None
        self._queued_cycles: deque[RequestCycle] = deque()
        self._url, self._head_bytes, self._packet_bytes, self._head_packets_bytes = b"", 0, 0, 0
        self._headers: list[Header] = []
        self._is_reading_head = self._has_parsed_token = self._expects_continue = False
        self._is_half_closed = self._is_lingering = False
        self._lingering_bytes = 0
        self._is_reading_paused = self._is_write_buffer_full = False
        self._deferred_error: AppError | None = None
        self._parse_error: AppError | None = None
        self._drain_event = DrainEvent()
        self._last_received_at = self._head_started_at = self._loop.time()
        self._timeout_timer = self._loop.call_later(HEAD_TIMEOUT_S, self._check_timeouts)
        self._cached_default_headers: list[Header] | None = None
        self._default_header_lines = b""
        self.is_disconnected = False
        self.is_shutting_down = False

    # Called by request cycles.

    @property
    def default_header_lines(self) -> bytes:
        """The encoded headers of every response (`Date`); uvicorn renews them each second."""
        default_headers = self._state.default_headers
        if default_headers is not self._cached_default_headers:
            self._cached_default_headers = default_headers
            self._default_header_lines = encode_header_lines(default_headers)
        return self._default_header_lines

    def write(self, data: bytes | bytearray) -> None:
        """Send bytes, unless the connection is closing."""
        if not self._transport.is_closing():
            if self._slow_reader is not None:
                self._slow_reader.queued_bytes += len(data)
            self._last_write_bytes = len(data)
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the write buffer is below its low-water mark; abort a client that does not read."""
        if not self._is_write_buffer_full or self.is_disconnected:
            return
        if not await self._drain_event.wait(DRAIN_TIMEOUT_S):
            self._transport.abort()

    def update_reading(self) -> None:
        """Pause reading while requests are queued, a body buffer is full, or the client does not read."""
        latest_cycle = self._latest_cycle
        has_enough_work = bool(self._queued_cycles) or (latest_cycle is not None and latest_cycle.is_body_buffer_full)
        should_pause = has_enough_work or self._is_write_buffer_full or self._deferred_error is not None
        is_open = not (self.is_disconnected or self._is_half_closed)
        if should_pause != self._is_reading_paused and is_open:
            self._is_reading_paused = should_pause
            if should_pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def on_cycle_finished(self, cycle: RequestCycle) -> None:
        """Start the next queued request, wait for one, or close."""
        self._state.total_requests += 1
        self._current_cycle = None
        self._last_received_at = self._loop.time()
        is_last = self._is_half_closed and not self._queued_cycles and self._deferred_error is None
        if not cycle.keep_alive or self.is_shutting_down or is_last:
            if cycle.is_body_complete:
                close_gracefully(self._transport)
            else:
                self._linger()
        elif self._deferred_error is not None and not self._queued_cycles:
            self._reject(self._deferred_error)
        elif self._queued_cycles or self._is_reading_paused:
            self._start_next_cycle()

    # Called by uvicorn and asyncio, which prescribe the names.

    def shutdown(self) -> None:
        """Close because the server stops, after the current response."""
        self.is_shutting_down = True
        self._queued_cycles.clear()
        if self._current_cycle is None:
            close_gracefully(self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection with the server."""
        self._transport = cast(asyncio.Transport, transport)  # a stream server makes no other kind
        self._state.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._client_address = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection; the handler receives `http.disconnect`."""
        self._state.connections.discard(self)
        self.is_disconnected = True
        self._timeout_timer.cancel()
        # The parser, the cycles and the tracebacks of errors refer to this connection.
        self._parser = self._latest_cycle = self._parse_error = self._deferred_error = None
        self._queued_cycles.clear()
        if self._slow_reader is not None:
            self._unsent_bytes.unwatch(self._slow_reader)
        if self._is_write_buffer_full:
            self.resume_writing()
        if self._current_cycle is not None:
            self._current_cycle.notify_handler()

    def eof_received(self) -> bool:
        """Return whether a request that was received completely is still to be answered (RFC 9112 §9.6)."""
        current_cycle, latest_cycle = self._current_cycle, self._latest_cycle
        is_answering = self._queued_cycles if current_cycle is None else not current_cycle.is_response_started
        if not is_answering or latest_cycle is None:
            return False
        self._is_half_closed = latest_cycle.is_body_complete and not self._is_reading_head
        if self._is_half_closed:
            self._timeout_timer.cancel()
            self._timeout_timer = self._loop.call_later(HALF_CLOSE_TIMEOUT_S, close_gracefully, self._transport)
        return self._is_half_closed

    def pause_writing(self) -> None:
        """Stop reading requests while the client does not read responses."""
        self._is_write_buffer_full = True
        if self._slow_reader is None:
            self._slow_reader = self._unsent_bytes.watch(self._transport, self._waiting_bytes)
        self.update_reading()

    def _waiting_bytes(self) -> int:
        """Return how much of the response is in memory beside the write buffer.

        That is what a stream holds, and of a body the part that is sent: all of it is kept until the rest is sent too.
        """
        sent_bytes = max(0, self._last_write_bytes - self._transport.get_write_buffer_size())
        waiting_bytes = None if self._current_cycle is None else self._current_cycle.scope.get("waiting_bytes")
        return sent_bytes + (0 if waiting_bytes is None else waiting_bytes())

    def resume_writing(self) -> None:
        """Continue once the client has read enough."""
        self._is_write_buffer_full = False
        if self._slow_reader is not None:
            self._unsent_bytes.unwatch(self._slow_reader)
            self._slow_reader = None
        self._drain_event.set()
        self._start_next_cycle()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, limit the size of an unfinished head, and see to a body that has yet to arrive."""
        if self._is_lingering or self._parser is None:
            self._drop(len(data))
            return
        self._last_received_at = self._loop.time()
        self._has_parsed_token, self._packet_bytes = False, len(data)
        self._head_packets_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if self._is_lingering:
                return
            self._reject_after_pending(self._parse_error or BadRequestError())
            return
        # The parser buffers an unfinished header line and we buffer the lines of an unfinished head: neither
        # may grow without limit. Data of a body is passed on and does not count.
        self._head_bytes = 0 if self._has_parsed_token else self._head_bytes + len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._reject_after_pending(HeadersTooLargeError())
        latest_cycle = self._latest_cycle
        if latest_cycle is not None and not latest_cycle.is_body_complete and not latest_cycle.has_body_timer:
            latest_cycle.has_body_timer = True
            self._timeout_timer.cancel()
            self._timeout_timer = self._loop.call_later(BODY_TIMEOUT_S, self._check_timeouts)

    # Called by the parser, which prescribes the names.

    def on_message_begin(self) -> None:
        """Begin a new head."""
        self._is_reading_head = self._has_parsed_token = True
        self._head_started_at, self._head_packets_bytes = self._last_received_at, self._packet_bytes
        self._url, self._headers, self._expects_continue = b"", [], False

    def on_url(self, url: bytes) -> None:
        """Append to the request target, which may arrive in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers are ignored, since the headers were already evaluated."""
        if not self._is_reading_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Validate the head and start or queue its request.

        The parser turns what is raised here into an HttpParserError, which `data_received` catches.
        """
        self._is_reading_head, self._has_parsed_token = False, True
        is_too_long = self._head_packets_bytes > HEAD_LIMIT_BYTES and self._is_head_too_long()
        if is_too_long or len(self._headers) > MAX_HEADERS:
            self._parse_error = HeadersTooLargeError()
            raise self._parse_error
        parser = cast(httptools.HttpRequestParser, self._parser)  # it calls this method
        version = parser.get_http_version()
        if not is_valid_head(version, self._headers):
            raise BadRequestError()
        # A CONNECT request also counts as an upgrade; it is answered and the connection closed.
        if self._is_lingering or (parser.should_upgrade() and parser.get_method() != b"CONNECT"):
            return
        keep_alive = version != "1.0" and parser.should_keep_alive() and not parser.should_upgrade()
        method = parser.get_method().decode("ascii")
        scope = build_scope(method, self._url, version, headers=self._headers, client=self._client_address)
        cycle = RequestCycle(self, scope, keep_alive=keep_alive, expects_continue=self._expects_continue)
        cycle.body_started_at = self._last_received_at
        self._latest_cycle = cycle
        if self._current_cycle is None and not self._queued_cycles and not self._is_write_buffer_full:
            self._start_cycle(cycle)
        else:
            self._queued_cycles.append(cycle)
            self.update_reading()

    def on_body(self, chunk: bytes) -> None:
        """Pass a chunk of the body to its request."""
        self._has_parsed_token = True
        latest_cycle = self._latest_cycle
        if latest_cycle is not None:
            latest_cycle.feed_body(chunk)
            if latest_cycle.discarded_bytes > DISCARD_LIMIT_BYTES:
                self._linger()
                raise BadRequestError()  # stops the parser
            self.update_reading()

    def on_message_complete(self) -> None:
        """Mark the body as complete."""
        self._has_parsed_token = True
        if self._latest_cycle is not None:
            self._latest_cycle.finish_body()

    # Requests, one after the other.

    def _start_cycle(self, cycle: RequestCycle) -> None:
        self._current_cycle = cycle
        cycle.scope["send_complete"] = cycle.send_complete
        cycle.scope["is_disconnected"] = cycle.is_disconnected
        self._state.tasks.add(self._loop.create_task(self._run_cycle(cycle)))

    def _start_next_cycle(self) -> None:
        is_blocked = self._is_write_buffer_full or self.is_disconnected
        if self._queued_cycles and self._current_cycle is None and not is_blocked:
            self._start_cycle(self._queued_cycles.popleft())
        self.update_reading()

    async def _run_cycle(self, cycle: RequestCycle) -> None:
        try:
            await self._app(cycle.scope, cycle.receive, cycle.send)
        except Exception as error:
            _log.error("request handler failed", err={"type": type(error).__name__})
        finally:
            self._state.tasks.discard(asyncio.current_task(self._loop))
            # They refer to the cycle, and the cycle to the scope.
            cycle.scope.pop("send_complete", None)
            cycle.scope.pop("is_disconnected", None)
            cycle.scope.pop("waiting_bytes", None)
            if self.is_disconnected:
                self._current_cycle = None
        if not cycle.is_response_finished and not self.is_disconnected:
            self._reject(InternalError())

    def _reject_after_pending(self, error: AppError) -> None:
        """Reject bytes that cannot be parsed, after the responses to the requests before them."""
        latest_cycle, current_cycle = self._latest_cycle, self._current_cycle
        if latest_cycle is not None and latest_cycle.is_response_finished and not latest_cycle.is_body_complete:
            close_gracefully(self._transport)
        elif current_cycle is None or (latest_cycle is current_cycle and not current_cycle.is_body_complete):
            self._reject(error)
        elif latest_cycle is not None and not latest_cycle.is_body_complete:
            # Its handler would wait for the rest of the body for ever.
            self._queued_cycles.remove(latest_cycle)
            self._deferred_error = error
        elif latest_cycle is not None and latest_cycle.keep_alive:
            self._deferred_error = error
        self._transport.pause_reading()
        self._is_reading_paused = True

    def _reject(self, error: AppError, *, is_still_sending: bool = False) -> None:
        """Send the error, unless a response has begun that it would be read as a part of; close."""
        if self.is_disconnected or self._transport.is_closing():
            return
        self._queued_cycles.clear()
        if self._current_cycle is None or not self._current_cycle.is_response_started:
            response = _build_rejection(error)
            head = encode_head(response.status, (*response.headers, CONNECTION_CLOSE), date=self.default_header_lines)
            self._transport.write(head + response.body)
        if is_still_sending:
            self._linger()
        else:
            close_gracefully(self._transport)

    def _drop(self, size: int) -> None:
        """Drop what a client still sends while it is left time to read its response."""
        self._lingering_bytes += size
        if self._lingering_bytes > LINGER_LIMIT_BYTES:
            self._transport.pause_reading()

    def _linger(self) -> None:
        """Close although the client is still sending a body.

        Closing at once could make the kernel discard the response before the client has read it.
        """
        if self._is_lingering or self._transport.is_closing():
            return
        self._is_lingering = True
        self._queued_cycles.clear()
        self._transport.write_eof()
        self._timeout_timer.cancel()
        self._timeout_timer = self._loop.call_later(LINGER_TIMEOUT_S, close_gracefully, self._transport)

    def _check_timeouts(self) -> None:
        """Close if the client exceeds the timeout of the current state; schedule the next check."""
        now, current_cycle, latest_cycle = self._loop.time(), self._current_cycle, self._latest_cycle
        next_check_s = HEAD_TIMEOUT_S
        if self._is_reading_head:
            deadline = self._head_started_at + HEAD_TIMEOUT_S
        elif latest_cycle is not None and not latest_cycle.is_body_complete and current_cycle in (None, latest_cycle):
            is_awaited = current_cycle is None or latest_cycle.is_waiting_for_body
            has_deadline = is_awaited and (current_cycle is None or not latest_cycle.is_response_started)
            deadline = latest_cycle.body_deadline(BODY_TIMEOUT_S, BODY_MIN_BYTES_PER_S) if has_deadline else now + 1
            next_check_s = 1.0
        elif current_cycle is None:
            deadline = self._last_received_at + IDLE_TIMEOUT_S
        else:
            deadline = float("inf")
        if now < deadline:
            self._timeout_timer = self._loop.call_later(min(deadline - now, next_check_s), self._check_timeouts)
        elif self._is_reading_head or current_cycle is not None:
            self._reject(RequestTimeoutError(), is_still_sending=not self._is_reading_head)
        else:
            close_gracefully(self._transport)

    # Upgrades.

    def _is_head_too_long(self) -> bool:
        """Whether a head that arrived in few packets exceeds the limit; the parser does not count it."""
        size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
        return size > HEAD_LIMIT_BYTES

    def _is_websocket_upgrade(self, parser: httptools.HttpRequestParser) -> bool:
        return parser.get_http_version() == "1.1" and any(
            name == b"upgrade" and value.lower() == b"websocket" for name, value in self._headers
        )

    def _upgrade(self, remaining: bytes) -> None:
        """Switch to WebSocket, or ignore an upgrade to another protocol (RFC 9110 §7.8)."""
        parser = self._parser
        if parser is None or parser.get_method() == b"CONNECT" or self._is_lingering:
            return
        if not self._is_websocket_upgrade(parser):
            # The parser skips the body of a request that asks for an upgrade, so it parses one that does not ask.
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(self._encode_request_head(parser, without_upgrade(self._headers)) + remaining)
        elif self._current_cycle is not None:
            self._reject_after_pending(BadRequestError())
        else:
            self._state.connections.discard(self)
            self._timeout_timer.cancel()
            if self._slow_reader is not None:
                self._unsent_bytes.unwatch(self._slow_reader)
            websocket = self._config.ws_protocol_class(
                config=self._config, server_state=self._state, unsent_bytes=self._unsent_bytes
            )
            websocket.connection_made(self._transport)
            self._transport.set_protocol(websocket)
            head = self._encode_request_head(parser, self._headers)
            self._parser = self._latest_cycle = None
            websocket.data_received(head + remaining)

    def _encode_request_head(self, parser: httptools.HttpRequestParser, headers: Sequence[Header]) -> bytes:
        lines = encode_header_lines(headers)
        version = parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (parser.get_method(), self._url, version, lines)


def without_upgrade(headers: Sequence[Header]) -> list[Header]:
    """Return the headers of a request without those that ask for another protocol."""
    kept: list[Header] = []
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join([option for option in options if option.lower() not in _IGNORED_UPGRADE_TOKENS])
        if name not in _IGNORED_UPGRADE_TOKENS and (value or name != b"connection"):
            kept.append((name, value))
    return kept


def is_valid_head(version: str, headers: Sequence[Header]) -> bool:
    """Whether a head is unambiguous where the parser is too lenient (RFC 9112 §2.3, §3.2, §6.1).

    Proxies and servers must agree on the host and on where the body ends.
    """
    host_count = 0
    for name, value in headers:
        if name == b"host":
            host_count += 1
            if not _HOST_PATTERN.fullmatch(value):
                return False
        # Another coding beside `chunked` would stay in the body, and nothing here decodes it.
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            return False
    return host_count == 1 if version == "1.1" else version == "1.0" and host_count < 2


def _build_rejection(error: AppError) -> Response:
    """Return the response to a request that never reaches the application, with the headers that it adds."""
    request_id = token_hex(16)
    response = error_response(error, request_id)
    content_length = (b"content-length", b"%d" % len(response.body))
    headers = (*response.headers, NO_SNIFFING, (b"x-request-id", request_id.encode()), content_length)
    return Response(response.status, response.body, headers)

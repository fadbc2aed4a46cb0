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

from monynha.core.errors import BadRequest, Fault, HeadTooLarge, Internal, RequestTimeout
from monynha.protocols.http.closing import end, refusal
from monynha.protocols.http.draining import Draining
from monynha.protocols.http.exchange import CLOSE, Exchange, head_of, scope_of
from monynha.protocols.http.head import is_sound
from monynha.protocols.http.response import WHOLE

HEAD_BYTES = 64 * 1024
HEADERS = 100
HEAD_S = BODY_S = 30.0
"""How long a head may take, and a client that is waited for may say nothing."""
IDLE_S = 75.0
_log = structlog.get_logger("monynha.http")


class Connection(asyncio.Protocol):
    """One client's connection. Requests that come before the answer to another wait for their turn."""

    def __init__(self, config: Any, server_state: Any, app_state: Any = None, _loop: Any = None) -> None:
        self._config = config
        self._app: Callable[..., Any] = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser = httptools.HttpRequestParser(self)
        self._client: tuple[str, int] | None = None
        self._current: Exchange | None = None
        self._latest: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._url, self._head_bytes = b"", 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._is_in_head = self._has_moved = self._expects = self._is_paused = self._is_full = False
        self._last_words: Fault | None = None
        self._fault: Fault | None = None
        self._draining = Draining()
        self._heard_at = self._head_at = self._loop.time()
        self._alarm = self._loop.call_later(HEAD_S, self._look)
        self._dated, self._date = None, b""
        self.is_lost = False
        self.is_stopping = False

    # What exchanges need.

    @property
    def date(self) -> bytes:
        """The lines of every answer's head; uvicorn makes them anew each second."""
        made = self._state.default_headers
        if made is not self._dated:
            self._dated, self._date = made, b"".join(b"%b: %b\r\n" % pair for pair in made)
        return self._date

    def write(self, data: bytes) -> None:
        """Send bytes; nothing follows the last words."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Return once the client has read most of what was sent."""
        if not self._is_full or self.is_lost:
            return
        if not await self._draining.wait(BODY_S):
            self._transport.abort()

    def regulate(self) -> None:
        """Read on, unless there is enough to do already or the client does not read itself."""
        latest = self._latest
        has_enough = bool(self._waiting) or (latest is not None and latest.is_full)
        wants_rest = has_enough or self._is_full or self._last_words is not None
        if wants_rest != self._is_paused and not self.is_lost:
            self._is_paused = wants_rest
            if wants_rest:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def finished(self, exchange: Exchange) -> None:
        """Go on with the next request, or wait for one."""
        self._state.total_requests += 1
        self._current = None
        self._heard_at = self._loop.time()
        if not exchange.keeps or self.is_stopping:
            end(self._transport)
        elif self._last_words is not None and not self._waiting:
            self._refuse(self._last_words)
        elif self._waiting or self._is_paused:
            self._go_on()

    # What the server does: these names are uvicorn's and asyncio's.

    def shutdown(self) -> None:
        """End because the program stops: what is under way is answered first."""
        self.is_stopping = True
        self._waiting.clear()
        if self._current is None:
            end(self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._client = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a handler hears of it when it next looks."""
        self._state.connections.discard(self)
        self.is_lost = True
        self._alarm.cancel()
        self._waiting.clear()
        self.resume_writing()
        if self._current is not None:
            self._current.wake()

    def eof_received(self) -> None:
        """Close when the client does."""

    def pause_writing(self) -> None:
        """Take notice that the client leaves much unread."""
        self._is_full = True
        self.regulate()

    def resume_writing(self) -> None:
        """Take notice that the client has read most of it."""
        self._is_full = False
        self._draining.go_on()
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._heard_at = self._loop.time()
        self._has_moved = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._fail(self._fault or BadRequest())
            return
        # What is no body is kept by the parser until its line ends, and by us until its head does.
        self._head_bytes = 0 if self._has_moved else self._head_bytes + len(data)
        if self._head_bytes > HEAD_BYTES:
            self._fail(HeadTooLarge())

    # What the parser finds.

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = self._has_moved = True
        self._head_at = self._heard_at
        self._url, self._headers, self._expects = b"", [], False

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after a body would speak for one that was looked at already."""
        if not self._is_in_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """A head ends; what is raised here reaches `data_received` as an error of the parser."""
        self._is_in_head, self._has_moved = False, True
        if len(self._headers) > HEADERS:
            self._fault = HeadTooLarge()
            raise self._fault
        parser = self._parser
        version = parser.get_http_version()
        if not is_sound(version, self._headers):
            raise BadRequest()
        if parser.should_upgrade() and self._wants_socket():
            return
        keeps = version != "1.0" and parser.should_keep_alive() and not parser.should_upgrade()
        method = parser.get_method().decode("ascii")
        scope = scope_of(method, self._url, version, headers=self._headers, client=self._client)
        exchange = Exchange(self, scope, keeps=keeps, expects=self._expects)
        exchange.scope[WHOLE] = exchange.answer
        self._latest = exchange
        if self._current is None and not self._waiting and not self._is_full:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.regulate()

    def on_body(self, part: bytes) -> None:
        """A part of a body."""
        self._has_moved = True
        if self._latest is not None:
            self._latest.take(part)
            self.regulate()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._has_moved = True
        if self._latest is not None:
            self._latest.end()

    # Requests, one after the other.

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        self._state.tasks.add(self._loop.create_task(self._run(exchange)))

    def _go_on(self) -> None:
        if self._waiting and self._current is None and not self._is_full and not self.is_lost:
            self._start(self._waiting.popleft())
        self.regulate()

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            _log.error("failed", err={"type": type(error).__name__})
        finally:
            self._state.tasks.discard(asyncio.current_task())
        if not exchange.is_done and not self.is_lost:
            self._refuse(Internal())

    def _fail(self, fault: Fault) -> None:
        """Refuse what cannot be read; requests before it are answered first."""
        latest, current = self._latest, self._current
        if current is None or (latest is current and not current.is_whole):
            self._refuse(fault)
        elif latest is not None and latest.keeps:
            self._last_words = fault
        self._transport.pause_reading()
        self._is_paused = True

    def _refuse(self, fault: Fault) -> None:
        """Say why, and end; within an answer that has begun, another would be read as a part of it."""
        if self.is_lost or self._transport.is_closing():
            return
        self._waiting.clear()
        if self._current is None or not self._current.is_begun:
            told = refusal(fault)
            self._transport.write(head_of(told.status, (*told.headers, CLOSE), date=self.date) + told.body)
        end(self._transport)

    def _look(self) -> None:
        """Look, now and then, whether the client takes too long."""
        now, current = self._loop.time(), self._current
        silent_s = now - self._heard_at
        if self._is_in_head:
            silent_s, limit_s = now - self._head_at, HEAD_S
        elif current is None:
            limit_s = IDLE_S
        else:
            limit_s = BODY_S if current.is_waiting and not current.is_begun else float("inf")
        if silent_s < limit_s:
            self._alarm = self._loop.call_later(min(limit_s - silent_s, HEAD_S), self._look)
        elif self._is_in_head:
            self._refuse(RequestTimeout())
        else:
            end(self._transport)

    # Sockets.

    def _wants_socket(self) -> bool:
        return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in self._headers)

    def _upgrade(self, rest: bytes) -> None:
        if not self._wants_socket():
            return
        if self._current is not None:
            self._fail(BadRequest())
            return
        self._state.connections.discard(self)
        self._alarm.cancel()
        lines = b"".join([b"%b: %b\r\n" % pair for pair in self._headers])
        socket = self._config.ws_protocol_class(config=self._config, server_state=self._state)
        socket.connection_made(self._transport)
        self._transport.set_protocol(socket)
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (self._parser.get_method(), self._url, lines)
        socket.data_received(head + rest)

"""One request and its answer on an HTTP/1.1 connection: `receive` and `send` are ASGI's (HTTP spec 2.3)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

import httptools

from monynha.protocols.http.request import Message, Scope
from monynha.protocols.http.response import Headers

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_PHRASES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
CLOSE = (b"connection", b"close")
_MANY_BYTES = 65_536
"""How much of a body may wait for the handler before the client is not read from."""


def scope_of(
    method: str,
    url: bytes,
    version: str,
    *,
    headers: list[tuple[bytes, bytes]],
    client: tuple[str, int] | None,
) -> Scope:
    """Return a request's head as ASGI has it."""
    raw_path, query = _target(url)
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
        "client": client,
    }


def head_of(status: int, headers: Headers, *, date: bytes) -> bytes:
    """Return an answer's head as it stands on the wire; a value with a line break is refused (ValueError)."""
    lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
    if lines.count(b"\n") != len(headers):
        raise ValueError("a header holds a line break")
    return b"%b%b%b\r\n" % (_PHRASES[status], date, lines)


def _target(url: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query of a request's target (RFC 9112 §3.2)."""
    if not url.startswith(b"/") or b"#" in url:
        parsed = httptools.parse_url(url)
        return parsed.path or b"/", parsed.query or b""
    path, _, query = url.partition(b"?")
    return path, query


class Line(Protocol):
    """What an exchange needs of its connection."""

    is_lost: bool
    is_stopping: bool

    @property
    def date(self) -> bytes:
        """The lines of every answer's head."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def drained(self) -> None:
        """Return once the client has read most of what was sent."""

    def regulate(self) -> None:
        """Read on, or no more."""

    def finished(self, exchange: Exchange) -> None:
        """Take notice that the answer is sent."""


class Exchange:
    """One request and its answer; `keeps` says whether the connection goes on after it."""

    __slots__ = (
        "_body",
        "_expects",
        "_is_chunked",
        "_is_told",
        "_line",
        "_news",
        "is_begun",
        "is_done",
        "is_whole",
        "keeps",
        "scope",
    )

    def __init__(self, line: Line, scope: Scope, *, keeps: bool, expects: bool) -> None:
        self._line = line
        self._expects = expects
        self._body = bytearray()
        self._news: asyncio.Event | None = None
        self._is_told = False
        self._is_chunked = False
        self.scope = scope
        self.keeps = keeps
        self.is_whole = False
        """Whether all of the body has come."""
        self.is_begun = False
        self.is_done = False

    @property
    def is_full(self) -> bool:
        """Whether so much of the body waits that no more should be read."""
        return len(self._body) > _MANY_BYTES

    @property
    def is_waiting(self) -> bool:
        """Whether the handler waits for the client to say more."""
        return self._news is not None and not self.is_whole

    # What the connection says.

    def take(self, part: bytes) -> None:
        """Take a part of the body; after the answer nobody wants it any more."""
        if not self.is_done:
            self._body += part
            self.wake()

    def end(self) -> None:
        """Take notice that the body is whole."""
        self.is_whole = True
        self.wake()

    def wake(self) -> None:
        """Let the handler look at what has changed."""
        if self._news is not None:
            self._news.set()

    # What the handler says.

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client has left or been answered."""
        if self._expects and not (self.is_begun or self.is_whole):
            self._expects = False
            self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._line.is_lost or self.is_done):
            if not self._is_told and (self._body or self.is_whole):
                part, self._body = bytes(self._body), bytearray()
                self._is_told = self.is_whole
                self._line.regulate()
                return {"type": "http.request", "body": part, "more_body": not self._is_told}
            self._news = asyncio.Event()
            await self._news.wait()
            self._news = None
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the head of the answer, or a part of its body."""
        if self._line.is_lost:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], tuple(message["headers"]))
            return
        part, is_last = message.get("body", b""), not message.get("more_body", False)
        if self._is_chunked:
            part = (b"%x\r\n%b\r\n" % (len(part), part) if part else b"") + (b"0\r\n\r\n" if is_last else b"")
        if part and self.scope["method"] != "HEAD":
            self._line.write(part)
        if is_last:
            self._finish()
        else:
            await self._line.drained()

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer, whose length its headers tell, in one write."""
        if not self._line.is_lost:
            self._line.write(self._head(status, headers) + body)
            self.is_begun = True
            self._finish()

    def _begin(self, status: int, headers: Headers) -> None:
        names = {name for name, _ in headers}
        if b"content-length" not in names and self.scope["method"] != "HEAD" and status not in (204, 304):
            if self.scope["http_version"] == "1.0":
                self.keeps = False
            else:
                self._is_chunked = True
                headers = (*headers, (b"transfer-encoding", b"chunked"))
        self.is_begun = True
        self._line.write(self._head(status, headers))

    def _head(self, status: int, headers: Headers) -> bytes:
        self.keeps = self.keeps and not self._line.is_stopping
        if not self.keeps:
            headers = (*headers, CLOSE)
        return head_of(status, headers, date=self._line.date)

    def _finish(self) -> None:
        self.is_done = True
        self._body.clear()
        self.wake()
        self._line.finished(self)

"""uvicorn's HTTP, with what it lacks: bounds on a request's head, and answers that go out in one write."""

from __future__ import annotations

from functools import partial
from secrets import token_hex
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from monynha.core.errors import BadRequest, Fault, HeadTooLarge
from monynha.protocols.http.response import WHOLE, Headers, refused

HEAD_BYTES = 64 * 1024
HEADERS = 100


class Heads(HttpToolsProtocol):
    """uvicorn's reading of HTTP, with a bound on what precedes a body, and refusals in the envelope."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._is_open = False
        self._beyond = 0
        self._fault: Fault | None = None

    def data_received(self, data: bytes) -> None:
        """Read on; a head that does not end is refused, for the parser would take all the memory there is."""
        # The read in which a head begins may hold the body before it; that one is bounded by the socket.
        was_open = self._is_open
        super().data_received(data)
        if was_open and self._is_open:
            self._beyond += len(data)
            if self._beyond > HEAD_BYTES and not self.transport.is_closing():
                self._refuse(HeadTooLarge())

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_open = True
        self._beyond = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head ends; what is raised here reaches `send_400_response`."""
        self._is_open = False
        if len(self.headers) > HEADERS:
            self._fault = HeadTooLarge()
            raise self._fault
        super().on_headers_complete()
        # A client may send its next request before this answer: the cycle of then is another.
        self.scope[WHOLE] = partial(self._answer, self.cycle)  # type: ignore[literal-required]

    def _answer(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer, or nothing (False) where it needs what only ASGI's two messages bring.

        It is a third of uvicorn's time for a short answer: two calls, each header looked through twice.
        """
        if self.flow.write_paused or not cycle.keep_alive or cycle.disconnected:
            return False
        lines = b"".join([b"%b: %b\r\n" % pair for pair in (*self.server_state.default_headers, *headers)])
        if lines.count(b"\n") != len(self.server_state.default_headers) + len(headers):
            raise ValueError("a header holds a line break")
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body))
        cycle.message_event.set()
        self.on_response_complete()
        return True

    def send_400_response(self, msg: str) -> None:
        """Tell why the request cannot be read."""
        self._refuse(self._fault or BadRequest())

    def _refuse(self, fault: Fault) -> None:
        cycle = self.cycle
        # There is none before the first head is read, whatever its declaration says.
        is_answering = cycle and cycle.response_started and not cycle.response_complete  # type: ignore[truthy-bool]
        # Within an answer that has begun, another would be read as a part of it.
        if not is_answering:
            self.transport.write(self._on_the_wire(fault))
        self.transport.close()

    def _on_the_wire(self, fault: Fault) -> bytes:
        request_id = token_hex(16)
        told = refused(fault, request_id)
        headers = (
            *self.server_state.default_headers,
            *told.headers,
            (b"x-request-id", request_id.encode()),
            (b"content-length", str(len(told.body)).encode()),
            (b"connection", b"close"),
        )
        lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return STATUS_LINE[told.status] + lines + b"\r\n" + told.body

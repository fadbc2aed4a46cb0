"""Answers as server-sent events (graphql-sse, distinct connections): `next` for each, then `complete`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from monynha.core.errors import Fault, Unauthenticated
from monynha.engine.vigil import Vigil
from monynha.protocols.graphql.errors import body_of, told
from monynha.protocols.graphql.service import GraphQL, Prepared
from monynha.protocols.http.event_stream import HEADERS, EventStream, piece
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response

_COMPLETE = piece(b"complete")
_TOO_SLOW = (
    piece(b"next", b'{"errors":[{"message":"You read too slowly.","extensions":{"code":"TOO_SLOW"}}]}')
    + _COMPLETE
)


@dataclass(frozen=True)
class Events:
    """Answers as events."""

    service: GraphQL
    open: set[EventStream] = field(default_factory=set)
    """The answers under way."""

    def of_answer(self, answer: bytes, extra: Headers) -> Response:
        """Return an answer that is complete."""
        return Response(200, piece(b"next", answer) + _COMPLETE, (*HEADERS, *extra))

    async def of_subscription(self, ready: Prepared, request: Request, extra: Headers) -> Response:
        """Return the answers of a subscription, as they come (Refused)."""
        sink = _Sink(EventStream(self.open, _TOO_SLOW), request.id)
        subscription = await self.service.subscription(ready, sink)
        vigil = Vigil(self.service.listening.hub, subscription.acting, sink.end)
        try:
            await vigil.begin()
            await subscription.start()
        except Unauthenticated:
            vigil.stop()
            raise
        except Fault as fault:
            sink.fail(fault)
        except BaseException:
            vigil.stop()
            raise

        def leave() -> None:
            subscription.stop()
            vigil.stop()

        return Response(200, b"", (*HEADERS, *extra), stream=_pieces(sink.stream, leave))


async def _pieces(stream: EventStream, leave: Callable[[], None]) -> AsyncGenerator[bytes]:
    try:
        # At once, so that the client knows that it is heard.
        yield b":\n\n"
        async with aclosing(stream.pieces()) as pieces:
            async for said in pieces:
                yield said
    finally:
        leave()


@dataclass(frozen=True)
class _Sink:
    stream: EventStream
    request_id: str

    @property
    def outlet(self) -> EventStream:
        return self.stream

    def next(self, answer: bytes) -> None:
        self.stream.say(piece(b"next", answer))

    def fail(self, fault: Fault) -> None:
        self.stream.finish(piece(b"next", body_of([told(fault, request_id=self.request_id)])) + _COMPLETE)

    def end(self) -> None:
        self.fail(Unauthenticated("The session is over."))

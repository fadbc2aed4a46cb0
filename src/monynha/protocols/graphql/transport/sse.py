"""Answers as server-sent events (graphql-sse, distinct connections): `next` for each, then `complete`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from monynha.core.errors import AppError, UnauthenticatedError
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.protocols.graphql.errors import encode_response, format_error
from monynha.protocols.graphql.executor import GraphQLExecutor, PreparedOperation
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response
from monynha.protocols.http.sse import SSE_HEADERS, SseStream, encode_event

_COMPLETE_EVENT = encode_event(b"complete")
_TOO_SLOW_EVENTS = (
    encode_event(b"next", b'{"errors":[{"message":"You read too slowly.","extensions":{"code":"TOO_SLOW"}}]}')
    + _COMPLETE_EVENT
)


@dataclass(frozen=True)
class SseTransport:
    """Answers as events."""

    executor: GraphQLExecutor
    open_streams: set[SseStream] = field(default_factory=set)
    """The answers under way."""

    def single_result(self, result: bytes, extra: Headers) -> Response:
        """Return an answer that is complete."""
        return Response(200, encode_event(b"next", result) + _COMPLETE_EVENT, (*SSE_HEADERS, *extra))

    async def subscribe(self, prepared: PreparedOperation, request: Request, extra: Headers) -> Response:
        """Return the answers of a subscription, as they come (Refused)."""
        sink = _SseSink(SseStream(self.open_streams, _TOO_SLOW_EVENTS), request.id)
        subscription = await self.executor.create_subscription(prepared, sink)
        session_monitor = SessionMonitor(
            self.executor.subscription_services.hub, subscription.connection, sink.on_session_end
        )
        try:
            await session_monitor.start()
            await subscription.start()
        except UnauthenticatedError:
            session_monitor.stop()
            raise
        except AppError as error:
            sink.fail(error)
        except BaseException:
            session_monitor.stop()
            raise

        def leave() -> None:
            subscription.stop()
            session_monitor.stop()

        return Response(200, b"", (*SSE_HEADERS, *extra), stream=_stream_chunks(sink.stream, leave))


async def _stream_chunks(stream: SseStream, on_close: Callable[[], None]) -> AsyncGenerator[bytes]:
    try:
        # At once, so that the client knows that it is heard.
        yield b":\n\n"
        async with aclosing(stream.events()) as chunks:
            async for chunk in chunks:
                yield chunk
    finally:
        on_close()


@dataclass(frozen=True)
class _SseSink:
    stream: SseStream
    request_id: str

    @property
    def sink(self) -> SseStream:
        return self.stream

    def next(self, result: bytes) -> None:
        self.stream.send(encode_event(b"next", result))

    def fail(self, error: AppError) -> None:
        self.stream.close(
            encode_event(b"next", encode_response([format_error(error, request_id=self.request_id)])) + _COMPLETE_EVENT
        )

    def on_session_end(self) -> None:
        self.fail(UnauthenticatedError("The session is over."))

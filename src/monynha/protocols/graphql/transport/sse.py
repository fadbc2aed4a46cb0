"""Results as server-sent events: a `next` for each, then `complete` (graphql-sse, distinct connections mode)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from monynha.core.errors import AppError, UnauthenticatedError
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.protocols.graphql.errors import encode_response, format_error
from monynha.protocols.graphql.executor import GraphQLExecutor, PreparedOperation
from monynha.protocols.http.response import Response
from monynha.protocols.http.sse import SSE_HEADERS, SseStream, encode_event

_COMPLETE_EVENT = encode_event(b"complete")
_TOO_SLOW_EVENTS = (
    encode_event(
        b"next",
        b'{"errors":[{"message":"Events are read too slowly.","extensions":{"code":"TOO_SLOW"}}]}',
    )
    + _COMPLETE_EVENT
)


@dataclass(frozen=True)
class SseTransport:
    """Responds with event streams."""

    executor: GraphQLExecutor
    open_streams: set[SseStream] = field(default_factory=set)
    """The streams under way, so that a shutdown can end them."""

    def single_result(self, result: bytes) -> Response:
        """Return the response of an operation with one result."""
        body = encode_event(b"next", result) + _COMPLETE_EVENT
        return Response(200, body, SSE_HEADERS)

    async def subscribe(self, prepared: PreparedOperation) -> Response:
        """Start a subscription and return the response that streams its results.

        Raises RequestError for a subscription that cannot be planned, and UnauthenticatedError where the session is
        over; any other error is the stream's only result.
        """
        sink = _SseSink(SseStream(self.open_streams, _TOO_SLOW_EVENTS), prepared.context.caller.request_id)
        subscription = await self.executor.create_subscription(prepared, sink)
        hub = self.executor.subscription_services.hub
        session_monitor = SessionMonitor(hub, subscription.connection, sink.on_session_end)
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

        def on_close() -> None:
            subscription.stop()
            session_monitor.stop()

        chunks = _stream_chunks(sink.stream, on_close)
        return Response(200, b"", SSE_HEADERS, stream=chunks, waiting_bytes=sink.stream.buffered_bytes)


async def _stream_chunks(stream: SseStream, on_close: Callable[[], None]) -> AsyncGenerator[bytes]:
    try:
        # Sent at once, so that the client knows that the subscription is active.
        yield b":\n\n"
        async with aclosing(stream.events()) as events:
            async for event in events:
                yield event
    finally:
        on_close()


@dataclass(frozen=True)
class _SseSink:
    """The sink of a subscription's results."""

    stream: SseStream
    request_id: str

    @property
    def sink(self) -> SseStream:
        return self.stream

    def next(self, result: bytes) -> None:
        self.stream.send(encode_event(b"next", result))

    def fail(self, error: AppError) -> None:
        result = encode_response([format_error(error, request_id=self.request_id)])
        self.stream.close(encode_event(b"next", result) + _COMPLETE_EVENT)

    def on_session_end(self) -> None:
        self.fail(UnauthenticatedError("The session is over."))

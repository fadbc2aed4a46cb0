"""The history of one thing as server-sent events: `GET /{plural}/{id}/events?since=` (HTML §9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.engine.realtime.subscriber import Subscription
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler
from monynha.protocols.http.sse import SSE_HEADERS, SseStream, encode_event
from monynha.protocols.realtime.event_messages import event_message, event_type
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import RestContext, parse_id

_DOC = """\
The history of a {one} as server-sent events, live. The id of an event is its version: gapless, in the order
of the commits. `event` says what happened and `data` is the row as it is then, as `/ws` sends it.
`ask_again` means that not all that was missed is kept: ask for the {one} anew and go on from there.
`removed` means that you may not see it any more."""
_SESSION_ENDED = encode_event(b"error", b'{"code":"UNAUTHENTICATED","message":"The session is over."}')
_TOO_SLOW = encode_event(b"error", b'{"code":"TOO_SLOW","message":"You read too slowly; ask again."}')


def event_stream_docs(catalog: Catalog) -> tuple[CustomEndpointDoc, ...]:
    """Return what these addresses take and answer."""
    version_schema = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    since_schema = {**version_schema, "description": "Tell what came after this version too, in its order."}
    last_event_id_schema = {
        **version_schema,
        "description": "The last id that was heard; browsers send it when they come back.",
    }
    return tuple(
        CustomEndpointDoc(
            "GET",
            f"/{one.plural}/{{id}}/events",
            f"hear{one.singular.capitalize()}",
            one,
            f"Hear what happens to a {one.singular}",
            _DOC.format(one=one.singular),
            {"type": "string", "description": "Server-sent events, until the reader leaves."},
            media_type="text/event-stream",
            query_schemas={"since": since_schema},
            header_schemas={"Last-Event-ID": last_event_id_schema},
        )
        for one in _shared_stream_resources(catalog)
    )


def _shared_stream_resources(catalog: Catalog) -> list[Resource]:
    return [one for one in catalog.resources.values() if one.has_own_stream and not one.is_private_stream]


@dataclass(frozen=True)
class EventStreamEndpoints:
    """Answers the history of whatever has a stream that others hear too."""

    context: RestContext
    hub: Hub
    open_responses: set[SseStream] = field(default_factory=set)
    """The answers under way."""

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        resources = _shared_stream_resources(self.context.catalog)
        return {("GET", f"/{one.plural}/{{id}}/events"): self._handler(one) for one in resources}

    def _handler(self, resource: Resource) -> Handler:
        async def handler(request: Request) -> Response:
            connection = self.context.connect(request)
            since = _parse_since(request)
            stream = Stream(resource.streams[0].kind, parse_id(request.path_params["id"], connection.actor))
            subscriber = _SseSubscriber(self, connection, stream)
            await subscriber.start(since)
            return Response(200, b"", SSE_HEADERS, stream=subscriber.chunks(since))

        return handler


@dataclass(eq=False)
class _SseSubscriber:
    """Whoever reads one answer."""

    endpoints: EventStreamEndpoints
    connection: ActorConnection
    stream: Stream
    subscription: Subscription | None = None
    response: SseStream = field(init=False)
    session_monitor: SessionMonitor = field(init=False)

    def __post_init__(self) -> None:
        self.response = SseStream(self.endpoints.open_responses, _TOO_SLOW)
        self.session_monitor = SessionMonitor(self.endpoints.hub, self.connection, self.on_session_end)

    @property
    def actor(self) -> Actor:
        """Who reads."""
        return self.connection.actor

    @property
    def sink(self) -> SseStream:
        """What is said."""
        return self.response

    async def start(self, since: int | None) -> None:
        """Take a seat at the stream, and keep vigil over the session."""
        try:
            self.subscription = await self.endpoints.hub.subscribe(self.connection, self.stream, self, since=since)
            await self.session_monitor.start()
        except BaseException:
            self.leave()
            raise

    def on_event(self, event: Event) -> None:
        """Take an event."""
        catalog = self.endpoints.context.catalog
        message = event.payload_cache.get("sse")
        if not isinstance(message, bytes):
            type_name = event_type(catalog.resources[event.resource], event).encode()
            text = event_message(catalog, event)
            message = event.payload_cache["sse"] = encode_event(type_name, text, event.version)
        self.response.send(message)

    def on_revoked(self, stream: Stream) -> None:
        """End: the reader may not see it any more."""
        self.response.close(encode_event(b"removed", orjson.dumps({f"{stream.kind}Id": str(stream.id)})))

    def on_session_end(self) -> None:
        """End: the session is over."""
        self.response.close(_SESSION_ENDED)

    async def chunks(self, since: int | None) -> AsyncIterator[bytes]:
        """Yield what happens, until it is over or nobody reads."""
        assert self.subscription is not None
        try:
            if not self.subscription.is_complete:
                payload = orjson.dumps(
                    {f"{self.stream.kind}Id": str(self.stream.id), "version": self.subscription.version}
                )
                yield encode_event(b"ask_again", payload, self.subscription.version)
            else:
                # An id at once, so that even who hears nothing knows where to go on.
                yield b"retry: 1000\nid: %d\n\n" % (self.subscription.version if since is None else since)
            self.subscription.activate()
            async with aclosing(self.response.events()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self.leave()

    def leave(self) -> None:
        """Give the seat back."""
        self.endpoints.hub.unsubscribe(self.stream, self)
        self.session_monitor.stop()


def _parse_since(request: Request) -> int | None:
    query = request.query_params
    unknown_params = [name for name in query if name != "since"]
    if unknown_params:
        raise BadRequestError("A query parameter is not known.", details={unknown_params[0][:100]: "is not known"})
    # A client that comes back says it in the header, and its address still says where it began.
    text = request.header(b"last-event-id") or query.get("since")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequestError("since is not read.", details={"since": "must be a version, a whole number from 0 on"})
    return int(text)

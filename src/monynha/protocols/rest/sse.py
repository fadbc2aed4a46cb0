"""The events of a row's stream as server-sent events: `GET /{plural}/{id}/events?since=` (HTML §9.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
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
from monynha.protocols.rest.context import RestContext, parse_id
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.routes import RouteOverrides

_DOC = """\
The events of a {noun} as server-sent events, as they happen. The id of an event is its version: without gaps, in the
order of the commits. `event` is the type of the event and `data` is the row as it is then, as `/ws` sends it.
`ask_again` means that some missed events are not stored any more, or that one is too long to be sent: read the {noun}
again and continue from there.
`removed` means that you may not see the {noun} any more."""
_SESSION_ENDED = encode_event(b"error", b'{"code":"UNAUTHENTICATED","message":"The session is over."}')
_TOO_SLOW = encode_event(b"error", b'{"code":"TOO_SLOW","message":"You read too slowly. Connect again."}')


def event_stream_docs(catalog: Catalog) -> tuple[CustomEndpointDoc, ...]:
    """Return the documentation of the event endpoints."""
    version_schema = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    since_schema = {**version_schema, "description": "Send the events after this version first, in their order."}
    last_event_id_schema = {
        **version_schema,
        "description": "The id of the last event that was received; browsers send it when they reconnect.",
    }
    return tuple(
        CustomEndpointDoc(
            "GET",
            f"/{resource.plural}/{{id}}/events",
            f"hear{resource.type_name}",
            resource,
            f"Subscribe to the events of a {resource.singular}",
            _DOC.format(noun=resource.singular),
            {"type": "string", "description": "Server-sent events, until the client disconnects."},
            media_type="text/event-stream",
            query_schemas={"since": since_schema},
            header_schemas={"Last-Event-ID": last_event_id_schema},
        )
        for resource in _shared_stream_resources(catalog)
    )


def _shared_stream_resources(catalog: Catalog) -> list[Resource]:
    resources = catalog.resources.values()
    return [resource for resource in resources if resource.has_own_stream and not resource.is_private_stream]


@dataclass(frozen=True)
class EventStreamEndpoints:
    """Handles the event endpoint of every resource whose rows have a stream that several users may subscribe to."""

    context: RestContext
    hub: Hub
    open_responses: set[SseStream] = field(default_factory=set)
    """The responses under way, which a shutdown ends."""

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        resources = _shared_stream_resources(self.context.catalog)
        return {("GET", f"/{resource.plural}/{{id}}/events"): self._handler(resource) for resource in resources}

    def _handler(self, resource: Resource) -> Handler:
        async def handler(request: Request) -> Response:
            connection = self.context.connect(request)
            since = _parse_since(request)
            kind = resource.streams[0].kind
            stream = Stream(kind, parse_id(request.path_params["id"], connection.actor, kind))
            subscriber = _SseSubscriber(self, connection, stream)
            await subscriber.start(since)
            waiting_bytes = subscriber.response.buffered_bytes
            return Response(200, b"", SSE_HEADERS, stream=subscriber.chunks(since), waiting_bytes=waiting_bytes)

        return handler


@dataclass(eq=False)
class _SseSubscriber:
    """Subscribes one response to a stream."""

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
        """The actor that subscribes."""
        return self.connection.actor

    @property
    def sink(self) -> SseStream:
        """The response, whose buffer the hub waits for."""
        return self.response

    async def start(self, since: int | None) -> None:
        """Subscribe to the stream and to the end of the session."""
        try:
            self.subscription = await self.endpoints.hub.subscribe(self.connection, self.stream, self, since=since)
            await self.session_monitor.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Unsubscribe."""
        self.endpoints.hub.unsubscribe(self.stream, self)
        self.session_monitor.stop()
        self.subscription = None  # it refers to its subscriber

    def on_event(self, event: Event) -> None:
        """Send an event; its message is encoded once for all subscribers, and not sent if it is too long."""
        catalog = self.endpoints.context.catalog
        message = event.payload_cache.get("sse")
        if not isinstance(message, bytes):
            type_name = event_type(catalog.resources[event.resource], event).encode()
            message = encode_event(type_name, event_message(catalog, event), event.version)
            event.payload_cache["sse"] = message
        if len(message) > self.endpoints.context.queries.compiler.limits.max_bytes:
            message = self._ask_again(event.version)
        self.response.send(message)

    def _ask_again(self, version: int) -> bytes:
        """Return the event that lets the client fetch the state at that version."""
        payload = {f"{self.stream.kind}Id": str(self.stream.id), "version": version}
        return encode_event(b"ask_again", orjson.dumps(payload), version)

    def on_revoked(self, stream: Stream) -> None:
        """End the response: the actor may not see the row any more."""
        self.response.close(encode_event(b"removed", orjson.dumps({f"{stream.kind}Id": str(stream.id)})))

    def on_session_end(self) -> None:
        """End the response: the session is over."""
        self.response.close(_SESSION_ENDED)

    async def chunks(self, since: int | None) -> AsyncGenerator[bytes]:
        """Yield the events until the response ends or the client disconnects."""
        # `start` has subscribed before the response is returned.
        assert self.subscription is not None
        try:
            if self.subscription.is_complete:
                # The id tells a client that receives no event where to resume.
                yield b"retry: 1000\nid: %d\n\n" % (self.subscription.version if since is None else since)
            else:
                yield self._ask_again(self.subscription.version)
            self.subscription.activate()
            async with aclosing(self.response.events()) as events:
                async for event in events:
                    yield event
        finally:
            self.stop()


def _parse_since(request: Request) -> int | None:
    params = request.query_params
    reject_unknown_params(params, ("since",))
    since = _parse_version(params.get("since"), "query parameter since", "since")
    last_event_id = _parse_version(request.header(b"last-event-id") or None, "header Last-Event-ID", "Last-Event-ID")
    # A browser that reconnects sends the header, while its URL still has the version that it started from.
    return since if last_event_id is None else last_event_id


def _parse_version(text: str | None, source: str, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        problem = "must be a version, an integer from 0 on"
        raise BadRequestError(f"The {source} {problem}.", details={name: problem})
    return int(text)

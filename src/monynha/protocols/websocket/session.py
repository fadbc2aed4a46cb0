"""One `/ws` socket: its authentication, the streams it joined, and the messages in both directions."""

from __future__ import annotations

import asyncio
import time

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import (
    AppError,
    BadRequestError,
    InsufficientAalError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
)
from monynha.core.serialization import to_camel_case
from monynha.engine.mutation.validation import parse_update
from monynha.engine.realtime.broadcast import stream_room
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.stream_version import StreamVersion
from monynha.protocols.http.server.token_bucket import message_cost
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.realtime.event_messages import (
    ephemeral_message,
    error_message,
    event_frame,
    stream_id_field,
)
from monynha.protocols.realtime.message_parsing import JsonObject, parse_message_object
from monynha.protocols.websocket.context import WebSocketContext
from monynha.protocols.websocket.message_parsing import parse_id, parse_token, parse_version

CLOSE_UNAUTHENTICATED = 4401
AUTH_TIMEOUT_S = 10.0
_MAX_JOINED_STREAMS = 100
_MAX_EPHEMERAL_BYTES = 4096


class WebSocketSession:
    """A socket, as the subscriber of all streams that it joined and a member of their rooms."""

    def __init__(self, context: WebSocketContext, socket: WebSocket) -> None:
        self._context = context
        self._socket = socket
        self._connection: ActorConnection | None = None
        self._monitor: SessionMonitor | None = None
        self._joined_streams: dict[Stream, None] = {}
        self._update_resources = {
            f"{resource.singular}_update": resource
            for resource in context.catalog.resources.values()
            if "update" in resource.operations and len(resource.primary_key) == 1 and resource.streams
        }

    @property
    def actor(self) -> Actor:
        """Whom the socket authenticated as; UnauthenticatedError before it did."""
        return self._require_connection().actor

    @property
    def sink(self) -> WebSocket:
        """The socket."""
        return self._socket

    async def run(self, token: str | None) -> None:
        """Authenticate, then handle messages until the socket is closed."""
        try:
            if token is None:
                token = await self._receive_token()
            await self._authenticate(token)
            while (message := await self._socket.receive()) is not None:
                await self._handle_message(message)
        except InsufficientAalError as error:
            self._socket.send_text(error_message(error))
            self._socket.close(CLOSE_UNAUTHENTICATED, error.message)
        except UnauthenticatedError as error:
            self._socket.close(CLOSE_UNAUTHENTICATED, error.message)
        finally:
            for stream in list(self._joined_streams):
                self._unsubscribe(stream)
            if self._monitor is not None:
                self._monitor.stop()

    # Called by the hub and the rooms.

    def on_event(self, event: Event) -> None:
        """Send an event; if its message would be too long, let the client fetch the state instead."""
        frame = event_frame(self._context.catalog, event)
        if len(frame) <= self._context.max_event_bytes:
            self._socket.send_frame(frame)
        else:
            self._send("ask_again", **stream_id_field(event.stream), version=event.version)

    def on_revoked(self, stream: Stream) -> None:
        """Tell the client that it lost access to a stream."""
        if stream in self._joined_streams:
            del self._joined_streams[stream]
            self._context.broadcaster.leave(stream_room(stream), self)
            self._send("removed", **stream_id_field(stream))

    def on_session_end(self) -> None:
        """Close the socket."""
        self._socket.close(CLOSE_UNAUTHENTICATED, "the session is over")

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Send an ephemeral event."""
        self._socket.send_text(message)

    # Authentication.

    async def _receive_token(self) -> str:
        try:
            async with asyncio.timeout(AUTH_TIMEOUT_S):
                while (message := await self._socket.receive()) is not None:
                    try:
                        body = parse_message_object(message)
                    except BadRequestError as error:
                        self._socket.send_text(error_message(error))
                        continue
                    if body.get("type") == "auth":
                        return parse_token(body)
                    self._socket.send_text(error_message(UnauthenticatedError()))
        except TimeoutError:
            pass
        raise UnauthenticatedError()

    async def _authenticate(self, token: str) -> None:
        actor = self._context.verify_token(token)
        if actor.is_anonymous:
            raise UnauthenticatedError()
        if self._connection is not None and actor.id != self._connection.actor.id:
            raise UnauthenticatedError("A socket belongs to one user; open another one.")
        if self._connection is not None and not _has_same_limits(actor, self._connection.actor):
            # What it has joined by now was joined with the rights of the former token.
            raise UnauthenticatedError("The token has other limits; open another socket.")
        connection = self._connection = self._context.database.as_actor(actor)
        if self._monitor is None:
            self._monitor = SessionMonitor(
                self._context.hub, connection, self.on_session_end, on_expiry=self._on_token_expiry
            )
            await self._monitor.start()
        else:
            await connection.require_live_session()
            self._monitor.renew(connection)
        self._socket.mark_authenticated()
        self._send("ready", userId=None if actor.id is None else str(actor.id))

    def _on_token_expiry(self) -> None:
        self._socket.close(CLOSE_UNAUTHENTICATED, "the access token has expired")

    def _require_connection(self) -> ActorConnection:
        if self._connection is None:
            raise UnauthenticatedError()
        return self._connection

    # Messages of the client.

    async def _handle_message(self, message: str | bytes) -> None:
        if not self._socket.budget.try_take(message_cost(message)):
            if self._socket.budget.should_warn():
                error = RateLimitedError("Too many messages: some were ignored.", retry_after_s=1)
                self._socket.send_text(error_message(error))
            return
        ref: dict[str, object] = {}
        try:
            body = parse_message_object(message)
            if isinstance(body.get("ref"), str | int):
                ref = {"ref": body["ref"]}
            await self._dispatch(body)
        except UnauthenticatedError:
            raise
        except AppError as error:
            self._socket.send_text(error_message(error, **ref))

    async def _dispatch(self, body: JsonObject) -> None:
        message_type = body.get("type")
        if not isinstance(message_type, str):
            raise BadRequestError("type is required.", details={"type": "is required"})
        match message_type:
            case "auth":
                await self._authenticate(parse_token(body))
            case "join":
                await self._join(body)
            case "leave":
                await self._leave(body)
            case "resume":
                await self._resume(body)
            case _ if message_type in self._update_resources:
                await self._update(self._update_resources[message_type], body)
            case _ if message_type in self._context.ephemeral_events:
                self._broadcast_ephemeral(self._context.ephemeral_events[message_type], body)
            case _:
                raise BadRequestError("type is not known.", details={"type": "is not known"})

    async def _join(self, body: JsonObject) -> None:
        stream = self._parse_stream(body)
        if stream not in self._joined_streams:
            await self._subscribe(stream, None, "joined")
        else:
            versions = await self._context.hub.event_log.fetch_versions([stream])
            self._send("joined", **stream_id_field(stream), version=versions.get(stream, 0))

    async def _resume(self, body: JsonObject) -> None:
        version = parse_version(body)
        stream = self._parse_stream(body)
        self._unsubscribe(stream)
        await self._subscribe(stream, version, "resumed")

    async def _subscribe(self, stream: Stream, since: int | None, reply_type: str) -> None:
        if len(self._joined_streams) >= _MAX_JOINED_STREAMS:
            raise RateLimitedError(f"A socket can join at most {_MAX_JOINED_STREAMS}.", retry_after_s=60)
        subscription = await self._context.hub.subscribe(self._require_connection(), stream, self, since=since)
        self._joined_streams[stream] = None
        self._context.broadcaster.join(stream_room(stream), self)
        self._send(
            reply_type if subscription.is_complete else "ask_again",
            **stream_id_field(stream),
            version=subscription.version,
        )
        subscription.activate()

    async def _leave(self, body: JsonObject) -> None:
        stream = self._parse_stream(body)
        self._unsubscribe(stream)
        self._send("left", **stream_id_field(stream))

    def _unsubscribe(self, stream: Stream) -> None:
        if stream in self._joined_streams:
            del self._joined_streams[stream]
            self._context.hub.unsubscribe(stream, self)
            self._context.broadcaster.leave(stream_room(stream), self)

    async def _update(self, resource: Resource, body: JsonObject) -> None:
        row_id = parse_id(body, to_camel_case(f"{resource.singular}_id"))
        values = parse_update(resource, body.get("data"))
        written: list[StreamVersion] = []
        connection = self._require_connection().with_on_commit(written.extend)
        await self._context.mutations.update(connection, resource, (row_id,), values)
        if "ref" in body:
            own_kind = resource.streams[0].kind
            versions = [stream.version for stream in written if stream.kind == own_kind and stream.version is not None]
            # None if the update changed nothing.
            self._send("ack", ref=body["ref"], version=max(versions, default=None))

    def _broadcast_ephemeral(self, ephemeral_event: EphemeralEvent, body: JsonObject) -> None:
        self.actor.require_write_scope()
        stream = self._parse_stream(body, ephemeral_event.stream_kind)
        name = ephemeral_event.payload_field
        if stream not in self._joined_streams:
            raise NotFoundError("Join it first.")
        if name not in body:
            raise BadRequestError(f"{name} is required.", details={name: "is required"})
        message = ephemeral_message(ephemeral_event, stream, self.actor.id, body[name], sent_at=time.time())
        if len(message) > _MAX_EPHEMERAL_BYTES:
            problem = f"must be at most {_MAX_EPHEMERAL_BYTES} bytes with its message"
            raise BadRequestError(f"{name} {problem}.", details={name: problem})
        self._context.broadcaster.publish(stream_room(stream), message, sender=self)

    def _parse_stream(self, body: JsonObject, only_kind: str | None = None) -> Stream:
        """Return the stream that a message names, or the joined one if it names none and one is joined."""
        kinds = self._context.hub.authorizer.shared_kinds if only_kind is None else (only_kind,)
        for kind in kinds:
            if f"{kind}Id" in body:
                return Stream(kind, parse_id(body, f"{kind}Id"))
        if len(self._joined_streams) == 1 and body.get("type") != "join":
            return next(iter(self._joined_streams))
        missing_name = f"{kinds[0]}Id"
        raise BadRequestError(f"{missing_name} is required.", details={missing_name: "is required"})

    def _send(self, message_type: str, **fields: object) -> None:
        self._socket.send_text(orjson.dumps({"type": message_type, **fields}))


def _has_same_limits(actor: Actor, former: Actor) -> bool:
    """Whether a newer token allows the same; limited ones only if they belong to the same session."""
    if actor.limits is None and former.limits is None:
        return True
    return (actor.limits, actor.session_id) == (former.limits, former.session_id)

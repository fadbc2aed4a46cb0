"""One socket of `/ws`: who is there, which streams they joined, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import (
    AppError,
    BadRequestError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
)
from monynha.engine.mutation.validation import parse_update
from monynha.engine.realtime.broadcast import stream_room
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.schema.ephemeral import EphemeralEvent, WebSocketContext
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.stream_version import StreamVersion
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.http.server.ws_frames import encode_frame
from monynha.protocols.realtime.event_messages import error_message, event_frame, row_id_name
from monynha.protocols.realtime.message_parsing import (
    parse_id,
    parse_message_object,
    parse_token,
    stream_id_field,
    written_version,
)
from monynha.protocols.realtime.token_bucket import TokenBucket

CLOSE_UNAUTHENTICATED = 4401
AUTH_TIMEOUT_S = 10.0
_MAX_JOINED_STREAMS = 100


class WebSocketSession:
    """A signed-in socket. It is the listener of all streams it joined, and of its person's own."""

    def __init__(self, context: WebSocketContext, socket: WebSocket) -> None:
        self._context = context
        self._socket = socket
        self._connection: ActorConnection | None = None
        self._user_stream: Stream | None = None
        self._joined_streams: dict[Stream, None] = {}
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._rate_limit = TokenBucket(time.monotonic)
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "auth": self._reauthenticate,
            "join": self._join,
            "leave": self._leave,
            "resume": self._resume,
        }
        self._update_resources = {
            f"{one.singular}_update": one
            for one in context.catalog.resources.values()
            if "update" in one.operations and len(one.primary_key) == 1 and one.streams
        }

    @property
    def actor(self) -> Actor:
        """Who is at the other end."""
        assert self._connection is not None
        return self._connection.actor

    @property
    def sink(self) -> WebSocket:
        """The socket."""
        return self._socket

    async def run(self, token: str | None) -> None:
        """Serve the socket until it is closed."""
        try:
            if token is None:
                token = await self._receive_token()
            await self._authenticate(token)
            while (message := await self._socket.receive()) is not None:
                await self._handle_message(message)
        except UnauthenticatedError as error:
            self._socket.close(CLOSE_UNAUTHENTICATED, error.message)
        finally:
            self._unsubscribe_all()

    # What the hub and the rooms say.

    def on_event(self, event: Event) -> None:
        """Pass an event on, unless it is of the person's own stream, which tells the hub alone."""
        if event.stream in self._joined_streams:
            self._socket.send_frame(event_frame(self._context.catalog, event))

    def on_revoked(self, stream: Stream) -> None:
        """Tell that a stream is heard no more."""
        if self._joined_streams.pop(stream, self) is None:
            self._context.broadcaster.leave(stream_room(stream), self)
            self._send("removed", **{f"{stream.kind}Id": str(stream.id)})

    def on_session_end(self) -> None:
        """Close: the session is over."""
        self._socket.close(CLOSE_UNAUTHENTICATED, "the session is over")

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Pass on what others show."""
        self._socket.send_frame(message)

    # Signing in.

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
        actor, expires_at = self._context.verify_token(token)
        if actor.is_anonymous:
            raise UnauthenticatedError()
        connection = self._context.database.as_actor(actor)
        if self._connection is not None and actor.id != self.actor.id:
            raise UnauthenticatedError("Another person needs another socket.")
        is_first, self._connection = self._connection is None, connection
        user_kind = next(
            (kind for kind, one in self._context.hub.authorizer.roots.items() if one.is_private_stream), None
        )
        if is_first and user_kind is not None and actor.id is not None:
            self._user_stream = Stream(user_kind, actor.id)
            try:
                subscription = await self._context.hub.subscribe(connection, self._user_stream, self)
            except NotFoundError:
                raise UnauthenticatedError() from None
            subscription.activate()
        else:
            await connection.require_live_session()
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        if expires_at is not None:
            remaining_s = max(0.0, expires_at - time.time())
            self._expiry_timer = asyncio.get_running_loop().call_later(remaining_s, self._on_expiry)
        self._send("ready", userId=None if actor.id is None else str(actor.id))

    def _on_expiry(self) -> None:
        self._socket.close(CLOSE_UNAUTHENTICATED, "the access token has ended")

    async def _reauthenticate(self, body: dict[str, Any]) -> None:
        await self._authenticate(parse_token(body))

    # What they say.

    async def _handle_message(self, message: str | bytes) -> None:
        if not self._rate_limit.try_take():
            if self._rate_limit.should_warn():
                error = RateLimitedError("Too many messages; some were not read.", retry_after_s=1)
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

    async def _dispatch(self, body: dict[str, Any]) -> None:
        message_type = body.get("type")
        if not isinstance(message_type, str):
            raise BadRequestError("A message needs a type.", details={"type": "is required"})
        if message_type in self._handlers:
            await self._handlers[message_type](body)
        elif message_type in self._update_resources:
            await self._update(self._update_resources[message_type], body)
        elif message_type in self._context.ephemeral_events:
            self._broadcast_ephemeral(self._context.ephemeral_events[message_type], body)
        else:
            raise BadRequestError("There is no message of this type.", details={"type": "is not known"})

    async def _join(self, body: dict[str, Any]) -> None:
        stream = self._parse_stream(body)
        if stream not in self._joined_streams:
            await self._subscribe(stream, None, "joined")
        else:
            self._send("joined", **stream_id_field(stream), version=await self._fetch_version(stream))

    async def _resume(self, body: dict[str, Any]) -> None:
        version = body.get("version")
        if type(version) is not int or not 0 <= version < 2**63:
            raise BadRequestError("A version is a whole number from 0 on.", details={"version": "is not read"})
        stream = self._parse_stream(body)
        self._unsubscribe(stream)
        await self._subscribe(stream, version, "resumed")

    async def _subscribe(self, stream: Stream, since: int | None, reply_type: str) -> None:
        if len(self._joined_streams) >= _MAX_JOINED_STREAMS:
            raise RateLimitedError(f"At most {_MAX_JOINED_STREAMS} can be joined by one socket.", retry_after_s=60)
        assert self._connection is not None
        subscription = await self._context.hub.subscribe(self._connection, stream, self, since=since)
        self._joined_streams[stream] = None
        self._context.broadcaster.join(stream_room(stream), self)
        self._send(
            reply_type if subscription.is_complete else "ask_again",
            **stream_id_field(stream),
            version=subscription.version,
        )
        subscription.activate()

    async def _leave(self, body: dict[str, Any]) -> None:
        stream = self._parse_stream(body)
        self._unsubscribe(stream)
        self._send("left", **stream_id_field(stream))

    async def _update(self, resource: Resource, body: dict[str, Any]) -> None:
        id_name = row_id_name(resource)
        row_id = parse_id(body, id_name)
        written: list[StreamVersion] = []
        values = parse_update(resource, body.get("data"))
        assert self._connection is not None
        await self._context.mutations.update(
            self._connection.with_on_commit(written.extend), resource, (row_id,), values
        )
        if "ref" in body:
            self._send("ack", ref=body["ref"], version=written_version(written, resource.streams[0].kind))

    def _broadcast_ephemeral(self, ephemeral_event: EphemeralEvent, body: dict[str, Any]) -> None:
        stream = self._parse_stream(body, ephemeral_event.stream_kind)
        if stream not in self._joined_streams:
            raise NotFoundError("Join it first.")
        if ephemeral_event.payload_field not in body:
            raise BadRequestError(
                f"{ephemeral_event.payload_field} is missing.",
                details={ephemeral_event.payload_field: "is required"},
            )
        message = {
            "type": ephemeral_event.event_type,
            "userId": None if self.actor.id is None else str(self.actor.id),
            **stream_id_field(stream),
            ephemeral_event.payload_field: body[ephemeral_event.payload_field],
            "timestamp": int(time.time() * 1000),
        }
        message_bytes = orjson.dumps(message)
        if len(message_bytes) > 4096:
            raise BadRequestError("That is too much to show.", details={ephemeral_event.payload_field: "is too large"})
        self._context.broadcaster.publish(stream_room(stream), encode_frame(message_bytes), sender=self)

    # Streams.

    def _parse_stream(self, body: dict[str, Any], only_kind: str | None = None) -> Stream:
        """The stream that a message names; the one that is joined where it names none."""
        kinds = [kind for kind, one in self._context.hub.authorizer.roots.items() if not one.is_private_stream]
        for kind in kinds if only_kind is None else [only_kind]:
            if f"{kind}Id" in body:
                return Stream(kind, parse_id(body, f"{kind}Id"))
        if len(self._joined_streams) == 1 and body.get("type") != "join":
            return next(iter(self._joined_streams))
        missing_name = f"{kinds[0] if only_kind is None else only_kind}Id"
        raise BadRequestError(f"{missing_name} is missing.", details={missing_name: "is required"})

    async def _fetch_version(self, stream: Stream) -> int:
        versions = await self._context.hub.event_log.fetch_versions([stream])
        return versions.get(stream, 0)

    def _unsubscribe(self, stream: Stream) -> None:
        if stream in self._joined_streams:
            del self._joined_streams[stream]
            self._context.hub.unsubscribe(stream, self)
            self._context.broadcaster.leave(stream_room(stream), self)

    def _unsubscribe_all(self) -> None:
        for stream in list(self._joined_streams):
            self._unsubscribe(stream)
        if self._user_stream is not None:
            self._context.hub.unsubscribe(self._user_stream, self)
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()

    def _send(self, message_type: str, **fields: object) -> None:
        self._socket.send_text(orjson.dumps({"type": message_type, **fields}))

"""One channel of a socket: a joined topic with its changes of tables, its broadcasts and its presence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import ForbiddenError, UnauthenticatedError
from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.multi_stream import MultiStreamSubscriber
from monynha.engine.realtime.resume_token import decode_resume_token, encode_resume_token
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.http.server.ws_frames import BINARY, encode_frame
from monynha.protocols.phoenix.bindings import binding_id, wanted_streams
from monynha.protocols.phoenix.context import PhoenixContext
from monynha.protocols.phoenix.join_params import JoinParams
from monynha.protocols.phoenix.postgres_changes import PostgresChanges
from monynha.protocols.phoenix.presence import PresenceState
from monynha.protocols.phoenix.regex import RegexMatcher
from monynha.protocols.phoenix.serializer import Push, encode_binary_message, encode_message
from monynha.protocols.phoenix.tokens import JoinRefusedError, authenticate_token
from monynha.protocols.phoenix.topics import (
    can_use_private_topic,
    decode_binary_broadcast,
    encode_binary_broadcast,
    encode_json_broadcast,
    is_json_broadcast,
    topic_room,
    topic_stream,
)
from monynha.protocols.realtime.event_bytes import EventBytes

_MAX_EVENT_NAME_BYTES = 255
_FORBIDDEN_TOPIC = "You do not have permissions to read from this Channel topic"
_SESSION_ENDED = "the session is over"
_TOKEN_EXPIRED = "Token has expired 0 seconds ago"


class Channel:
    """A topic that a socket joins; `on_close` is called when the server closes it."""

    def __init__(
        self,
        context: PhoenixContext,
        socket: WebSocket,
        push: Push,
        *,
        is_v2: bool,
        event_bytes: EventBytes,
        on_close: Callable[[Channel], None],
    ) -> None:
        self._context = context
        self._socket = socket
        self._is_v2 = is_v2
        self._on_close = on_close
        self.topic = push.topic
        self._join_ref = push.join_ref or push.ref
        self._name = push.topic.removeprefix("realtime:")
        self._params = JoinParams.parse(push.payload)
        self._presence_ref = token_hex(8)
        self._presence_key = self._params.presence_key or token_hex(16)
        self._has_presence = self._params.has_presence
        regex_matcher = RegexMatcher(context.database)
        self._changes = PostgresChanges(context.catalog, regex_matcher, socket, push.topic, is_v2, event_bytes)
        self._subscriber: MultiStreamSubscriber | None = None
        self._monitor: SessionMonitor | None = None
        self._room = topic_room(self._name, is_private=self._params.is_private)
        self._token: object = None

    async def join(self, ref: str | None, default_token: str) -> None:
        """Subscribe, then reply; JoinRefusedError if the client may not join.

        Everything that happens after the reply reaches the client.
        """
        token = self._params.token if self._params.token is not None else default_token
        actor = authenticate_token(self._context.verify_token, token)
        problem = await self._changes.add_bindings(self._params.postgres_changes)
        if problem is not None and self._params.waits_for_postgres_changes:
            raise JoinRefusedError(f"UnableToSubscribe: {problem}")
        subscriber = await self._subscribe(actor, self._resume_versions())
        self._token = token
        self._reply_to_join(ref, subscriber)
        self._context.broadcaster.join(self._room, self)
        if self._has_presence:
            self._send_presence_state()
        if self._params.postgres_changes:
            status, message = ("ok", "Subscribed to PostgreSQL") if problem is None else ("error", problem)
            self._send_system("postgres_changes", status, message)
        subscriber.activate()

    async def handle(self, push: Push) -> None:
        """Handle a message of the client on this channel."""
        if push.event in ("broadcast", "presence") and not self._can_write:
            self._reply(
                push.ref, orjson.dumps({"reason": f"Forbidden: {ForbiddenError.for_scopes().message}"}), status=b"error"
            )
        elif push.event == "broadcast":
            self._broadcast(push)
        elif push.event == "presence":
            self._handle_presence(push)
        elif push.event == "access_token":
            await self._replace_token(push.payload.get("access_token"))

    def leave(self) -> None:
        """Unsubscribe from everything, without a message to the client."""
        if self._subscriber is not None:
            self._subscriber.stop()
        if self._monitor is not None:
            self._monitor.stop()
        self._context.broadcaster.leave(self._room, self)
        self._context.presence.unwatch(self._room, self)
        self._context.presence.untrack(self._room, self._presence_ref)

    # Called by the room and the presence.

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Send a broadcast; clients of version 1.0.0 do not receive binary ones."""
        if is_json_broadcast(message):
            self._send("broadcast", message[1:])
        elif self._is_v2:
            event, payload = decode_binary_broadcast(message)
            self._socket.send_frame(encode_frame(encode_binary_message(self.topic, event, payload), BINARY))

    def on_presence_diff(self, room: str, joins: PresenceState, leaves: PresenceState) -> None:
        """Send who came and who left."""
        self._send("presence_diff", orjson.dumps({"joins": joins, "leaves": leaves}))

    # Subscribing.

    def _resume_versions(self) -> dict[Stream, int] | None:
        if self._params.resume_token is None:
            return None
        try:
            return decode_resume_token(self._params.resume_token)
        except ValueError:
            raise JoinRefusedError("InvalidResumeToken: `since` is not a resume token") from None

    async def _subscribe(self, actor: Actor, resume_from: Mapping[Stream, int] | None) -> MultiStreamSubscriber:
        """Subscribe as the actor, in place of the present subscriptions, and return the inactive subscriber."""
        streams = wanted_streams(self._changes.bindings)
        if self._params.is_private:
            streams = await self._with_topic_stream(actor, streams)
        connection = self._context.database.as_actor(actor)
        monitor = SessionMonitor(
            self._context.hub, connection, self._close, on_expiry=lambda: self._close(_TOKEN_EXPIRED)
        )
        subscriber = MultiStreamSubscriber(
            self._context.hub,
            connection,
            streams,
            self._socket,
            on_event=lambda event: self._changes.on_event(event, subscriber.versions, self._on_overflow),
            on_session_end=self._close,
            on_revoked=self._on_revoked,
            resume_from=resume_from,
        )
        try:
            await monitor.start()
            await subscriber.start()
        except BaseException as error:
            monitor.stop()
            if isinstance(error, UnauthenticatedError):
                raise JoinRefusedError(f"Unauthorized: {_SESSION_ENDED}") from None
            raise
        if self._subscriber is not None and self._monitor is not None:
            self._subscriber.stop()
            self._monitor.stop()
        self._subscriber, self._monitor = subscriber, monitor
        return subscriber

    async def _with_topic_stream(
        self, actor: Actor, streams: dict[str, frozenset[UUID] | None]
    ) -> dict[str, frozenset[UUID] | None]:
        """Add the stream that a private topic names, since losing access to it closes the channel."""
        if not await can_use_private_topic(self._context, actor, self._name):
            raise JoinRefusedError(f"Unauthorized: {_FORBIDDEN_TOPIC}: {self._name}")
        stream = topic_stream(self._name)
        if stream is None:
            return streams
        stream_ids = streams.get(stream.kind, frozenset())
        return {**streams, stream.kind: None if stream_ids is None else stream_ids | {stream.id}}

    def _on_revoked(self, stream: Stream) -> None:
        if self._params.is_private and stream == topic_stream(self._name):
            self._close(f"{_FORBIDDEN_TOPIC}: {self._name}")

    def _on_overflow(self) -> None:
        self._close(f"TooManyBytes: one change caused more than {self._context.max_event_bytes} bytes; bind to less")

    def _close(self, reason: str = _SESSION_ENDED) -> None:
        self._send_system("system", "error", reason)
        self._send("phx_close", b"{}")
        self.leave()
        self._on_close(self)

    async def _replace_token(self, token: object) -> None:
        # `sb_` begins an API key, which clients push as well; it changes nothing.
        if not isinstance(token, str) or not token or token == self._token or token.startswith("sb_"):
            return
        subscriber, monitor = self._subscriber, self._monitor
        if subscriber is None or monitor is None:
            return
        try:
            actor = authenticate_token(self._context.verify_token, token)
            if _is_same_caller(subscriber.actor, actor):
                connection = self._context.database.as_actor(actor)
                subscriber.replace_connection(connection)
                monitor.renew(connection)
            else:
                (await self._subscribe(actor, dict(subscriber.versions) or None)).activate()
        except JoinRefusedError as error:
            self._close(str(error).partition(": ")[2])
            return
        self._token = token

    # The room.

    @property
    def _can_write(self) -> bool:
        """Whether the token allows to send something to others."""
        return self._subscriber is not None and self._subscriber.actor.can_write

    def _broadcast(self, push: Push) -> None:
        event = push.payload.get("event")
        if not isinstance(event, str) or len(event.encode()) > _MAX_EVENT_NAME_BYTES:
            return
        if push.binary_payload is None:
            message = encode_json_broadcast(event, push.payload.get("payload", {}))
        else:
            message = encode_binary_broadcast(event, push.binary_payload)
        sender = None if self._params.receives_own_broadcasts else self
        self._context.broadcaster.publish(self._room, message, sender=sender)
        if self._params.wants_ack:
            self._reply(push.ref, b"{}")

    def _handle_presence(self, push: Push) -> None:
        event = str(push.payload.get("event", "")).lower()
        if event == "track":
            payload = push.payload.get("payload", {})
            if not isinstance(payload, dict):
                reason = b'{"reason":"Presence track payload must be a map"}'
                self._reply(push.ref, reason, status=b"error")
                return
            if not self._has_presence:
                self._has_presence = True
                self._send_presence_state()
            self._context.presence.track(self._room, self._presence_ref, self._presence_key, payload)
        elif event == "untrack":
            self._context.presence.untrack(self._room, self._presence_ref)
        self._reply(push.ref, b"{}")

    # Messages to the client.

    def _reply_to_join(self, ref: str | None, subscriber: MultiStreamSubscriber) -> None:
        response: dict[str, object] = {
            "postgres_changes": [{**config, "id": binding_id(config)} for config in self._params.postgres_changes],
            "resumeToken": encode_resume_token(subscriber.versions),
        }
        if self._params.resume_token is not None:
            response["resumed"] = subscriber.is_complete
        self._reply(ref, orjson.dumps(response))

    def _reply(self, ref: str | None, response: bytes, *, status: bytes = b"ok") -> None:
        payload = b'{"status":"' + status + b'","response":' + response + b"}"
        self._send("phx_reply", payload, ref=ref, join_ref=self._join_ref)

    def _send_presence_state(self) -> None:
        self._send("presence_state", orjson.dumps(self._context.presence.watch(self._room, self)))

    def _send_system(self, extension: str, status: str, message: str) -> None:
        body = {"extension": extension, "status": status, "message": message, "channel": self._name}
        self._send("system", orjson.dumps(body))

    def _send(self, event: str, payload: bytes, *, ref: str | None = None, join_ref: str | None = None) -> None:
        self._socket.send_text(
            encode_message(self.topic, event, payload, is_v2=self._is_v2, ref=ref, join_ref=join_ref)
        )


def _is_same_caller(former: Actor, new: Actor) -> bool:
    return (former.kind, former.id, former.session_id, former.is_admin, former.limits) == (
        new.kind,
        new.id,
        new.session_id,
        new.is_admin,
        new.limits,
    )

"""One channel of a socket: what it hears of tables, what is said in its room, who is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import UnauthenticatedError
from monynha.engine.realtime.broadcast import Broadcaster
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.multi_stream import MultiStreamSubscriber
from monynha.engine.realtime.resume_token import decode_resume_token, encode_resume_token
from monynha.engine.schema.catalog import Catalog
from monynha.infra.postgres.database import Database
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.http.server.ws_frames import BINARY, encode_frame
from monynha.protocols.phoenix.bindings import binding_id, wanted_streams
from monynha.protocols.phoenix.join_params import JoinParams
from monynha.protocols.phoenix.postgres_changes import PostgresChanges
from monynha.protocols.phoenix.presence import Presence
from monynha.protocols.phoenix.serializer import Push, encode_binary_message, encode_message
from monynha.protocols.phoenix.tokens import JoinRefusedError, VerifyToken, authenticate_token
from monynha.protocols.phoenix.topics import (
    can_use_private_topic,
    decode_binary_broadcast,
    encode_binary_broadcast,
    encode_json_broadcast,
    topic_room,
    topic_stream,
)

_MAX_TIMER_S = 7 * 86_400.0
_FORBIDDEN_TOPIC = "You do not have permissions to read from this Channel topic"


@dataclass(frozen=True)
class PhoenixContext:
    """What every channel needs."""

    catalog: Catalog
    database: Database
    hub: Hub
    broadcaster: Broadcaster
    presence: Presence
    verify_token: VerifyToken


class Channel:
    """A joined topic; `on_close` is called when it closes by itself."""

    def __init__(
        self,
        context: PhoenixContext,
        socket: WebSocket,
        push: Push,
        *,
        is_v2: bool,
        on_close: Callable[[Channel], None],
    ) -> None:
        self._context = context
        self._socket = socket
        self._is_v2 = is_v2
        self._on_close = on_close
        self.topic = push.topic
        self.join_ref = push.join_ref or push.ref
        self.name = push.topic.removeprefix("realtime:")
        self._join_params = JoinParams.parse(push.payload)
        self._presence_ref = token_hex(8)
        self._presence_key = self._join_params.presence_key or token_hex(16)
        self._has_presence = self._join_params.has_presence
        self._changes = PostgresChanges(context.catalog, context.hub.event_log, socket, push.topic, is_v2)
        self._subscriber: MultiStreamSubscriber | None = None
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._room = topic_room(self.name, is_private=self._join_params.is_private)
        self._actor: Actor | None = None
        self._token: object = None

    async def join(self, ref: str | None, default_token: str) -> None:
        """Join and answer (Refused): when the answer is out, nothing that happens is lost."""
        token = self._join_params.token if self._join_params.token is not None else default_token
        actor, expires_at = authenticate_token(self._context.verify_token, token)
        problem = await self._changes.add_bindings(self._join_params.postgres_changes)
        if problem is not None and self._join_params.waits_for_postgres_changes:
            raise JoinRefusedError(f"UnableToSubscribe: {problem}")
        since = self._resume_versions()
        await self._subscribe(actor, since)
        self._token = token
        self._expire_at(expires_at)
        self._reply_to_join(ref, is_resuming=self._join_params.resume_token is not None)
        self._context.broadcaster.join(self._room, self)
        if self._has_presence:
            self._send_presence_state()
        if self._join_params.postgres_changes:
            status, message = ("ok", "Subscribed to PostgreSQL") if problem is None else ("error", problem)
            self._send_system("postgres_changes", status, message)
        assert self._subscriber is not None
        self._subscriber.activate()

    async def handle(self, push: Push) -> None:
        """Take what the client says on this channel."""
        if push.event == "broadcast":
            self._broadcast(push)
        elif push.event == "presence":
            self._handle_presence(push)
        elif push.event == "access_token":
            await self._replace_token(push.payload.get("access_token"))

    def leave(self) -> None:
        """Give back all that the channel holds."""
        if self._subscriber is not None:
            self._subscriber.stop()
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        self._context.broadcaster.leave(self._room, self)
        self._context.presence.unwatch(self._room, self)
        self._context.presence.untrack(self._room, self._presence_ref)

    def reply(self, ref: str | None, response: bytes, *, status: bytes = b"ok") -> None:
        """Answer something the client said."""
        payload = b'{"status":"' + status + b'","response":' + response + b"}"
        self._send("phx_reply", payload, ref=ref, join_ref=self.join_ref)

    # What the hub, the room and the presence say.

    def on_broadcast(self, room: str, message: bytes) -> None:
        """Pass on a broadcast."""
        if message[:1] == b"J":
            self._socket.send_text(encode_message(self.topic, "broadcast", message[1:], is_v2=self._is_v2))
        elif self._is_v2:
            event, raw = decode_binary_broadcast(message)
            self._socket.send_frame(encode_frame(encode_binary_message(self.topic, event, raw), BINARY))

    def on_presence_diff(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        """Pass on who came and who left."""
        self._send("presence_diff", orjson.dumps({"joins": joins, "leaves": leaves}))

    def _on_event(self, event: Event) -> None:
        assert self._subscriber is not None
        self._changes.on_event(event, self._subscriber.versions)

    def _close(self, reason: str = "the session is over") -> None:
        self._send_system("system", "error", reason)
        self._send("phx_close", b"{}")
        self.leave()
        self._on_close(self)

    # Joining.

    def _resume_versions(self) -> dict[Stream, int] | None:
        if self._join_params.resume_token is None:
            return None
        try:
            return decode_resume_token(self._join_params.resume_token)
        except ValueError:
            raise JoinRefusedError("InvalidPosition: `since` is no position of ours") from None

    async def _subscribe(self, actor: Actor, resume_from: dict[Stream, int] | None) -> None:
        connection = self._context.database.as_actor(actor)
        streams = wanted_streams(self._changes.bindings)
        if self._join_params.is_private:
            streams = await self._with_topic_stream(actor, streams)
        subscriber = MultiStreamSubscriber(
            self._context.hub,
            connection,
            streams,
            self._socket,
            on_event=self._on_event,
            on_session_end=self._close,
            on_revoked=self._on_revoked,
            resume_from=resume_from,
        )
        try:
            await subscriber.start()
        except UnauthenticatedError:
            raise JoinRefusedError("Unauthorized: the session is over") from None
        self._actor, self._subscriber = actor, subscriber

    async def _with_topic_stream(
        self, actor: Actor, streams: dict[str, frozenset[UUID] | None]
    ) -> dict[str, frozenset[UUID] | None]:
        """A private room is kept only as long as its stream may be heard, so that one is followed too."""
        if not await can_use_private_topic(self._context, actor, self.name):
            raise JoinRefusedError(f"Unauthorized: {_FORBIDDEN_TOPIC}: {self.name}")
        stream = topic_stream(self.name)
        if stream is None:
            return streams
        stream_ids = streams.get(stream.kind, frozenset())
        return {**streams, stream.kind: None if stream_ids is None else stream_ids | {stream.id}}

    def _on_revoked(self, stream: Stream) -> None:
        if self._join_params.is_private and stream == topic_stream(self.name):
            self._close(f"{_FORBIDDEN_TOPIC}: {self.name}")

    def _reply_to_join(self, ref: str | None, *, is_resuming: bool) -> None:
        assert self._subscriber is not None
        response: dict[str, Any] = {
            "postgres_changes": [{**one, "id": binding_id(one)} for one in self._join_params.postgres_changes],
            "position": encode_resume_token(self._subscriber.versions),
        }
        if is_resuming:
            response["resumed"] = self._subscriber.is_complete
        self.reply(ref, orjson.dumps(response))

    # The token.

    async def _replace_token(self, token: object) -> None:
        if not isinstance(token, str) or not token or token == self._token or token.startswith("sb_"):
            return
        try:
            actor, expires_at = authenticate_token(self._context.verify_token, token)
            assert self._subscriber is not None
            if self._actor == actor or (self._actor is not None and _is_same_caller(self._actor, actor)):
                self._subscriber.replace_connection(self._context.database.as_actor(actor))
                self._actor = actor
            else:
                await self._resubscribe_as(actor)
        except JoinRefusedError as error:
            self._close(str(error).partition(": ")[2])
            return
        self._token = token
        self._expire_at(expires_at)

    async def _resubscribe_as(self, actor: Actor) -> None:
        former_subscriber = self._subscriber
        assert former_subscriber is not None
        versions = dict(former_subscriber.versions)
        await self._subscribe(actor, versions or None)
        former_subscriber.stop()
        assert self._subscriber is not None
        self._subscriber.activate()

    def _expire_at(self, expires_at: float | None) -> None:
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        if expires_at is not None and (remaining_s := expires_at - time.time()) < _MAX_TIMER_S:
            reason = "Token has expired 0 seconds ago"
            self._expiry_timer = asyncio.get_running_loop().call_later(max(remaining_s, 0), self._close, reason)

    # The room.

    def _broadcast(self, push: Push) -> None:
        event = push.payload.get("event")
        if not isinstance(event, str) or len(event.encode()) > 255:
            return
        message = (
            encode_json_broadcast(event, push.payload.get("payload", {}))
            if push.raw is None
            else encode_binary_broadcast(event, push.raw)
        )
        self._context.broadcaster.publish(
            self._room, message, sender=None if self._join_params.receives_own_broadcasts else self
        )
        if self._join_params.wants_ack:
            self.reply(push.ref, b"{}")

    def _handle_presence(self, push: Push) -> None:
        event = str(push.payload.get("event", "")).lower()
        if event == "track":
            payload = push.payload.get("payload", {})
            if not isinstance(payload, dict):
                reason = b'{"reason":"Presence track payload must be a map"}'
                self.reply(push.ref, reason, status=b"error")
                return
            if not self._has_presence:
                self._has_presence = True
                self._send_presence_state()
            self._context.presence.track(self._room, self._presence_ref, self._presence_key, payload)
        elif event == "untrack":
            self._context.presence.untrack(self._room, self._presence_ref)
        self.reply(push.ref, b"{}")

    def _send_presence_state(self) -> None:
        self._send("presence_state", orjson.dumps(self._context.presence.watch(self._room, self)))

    def _send_system(self, extension: str, status: str, message: str) -> None:
        body = {"extension": extension, "status": status, "message": message, "channel": self.name}
        self._send("system", orjson.dumps(body))

    def _send(self, event: str, payload: bytes, *, ref: str | None = None, join_ref: str | None = None) -> None:
        self._socket.send_text(
            encode_message(self.topic, event, payload, is_v2=self._is_v2, ref=ref, join_ref=join_ref)
        )


def _is_same_caller(former: Actor, new: Actor) -> bool:
    return (former.kind, former.id, former.session_id, former.is_admin) == (
        new.kind,
        new.id,
        new.session_id,
        new.is_admin,
    )

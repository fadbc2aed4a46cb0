"""One socket at `/realtime/v1/websocket`: its handshake, its channels and its heartbeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson

from monynha.core.errors import AppError, BadRequestError
from monynha.protocols.http.server.token_bucket import message_cost
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.phoenix.channel import Channel
from monynha.protocols.phoenix.context import PhoenixContext
from monynha.protocols.phoenix.serializer import HEARTBEAT_TOPIC, Push, decode_push, encode_message
from monynha.protocols.phoenix.tokens import JoinRefusedError, authenticate_token, handshake_reason
from monynha.protocols.realtime.event_bytes import EventBytes

PATH = "/realtime/v1/websocket"
_MAX_CHANNELS = 100
_MAX_TOPIC_LENGTH = 255
_TOPIC_PREFIX = "realtime:"


@dataclass(frozen=True)
class PhoenixEndpoint:
    """Serves the sockets of Supabase's realtime clients."""

    context: PhoenixContext

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one socket until it is closed; its API key is checked at the handshake."""
        query = {name: values[-1] for name, values in parse_qs(socket.scope["query_string"].decode("latin-1")).items()}
        api_key = query.get("apikey") or (socket.header(b"x-api-key") or b"").decode("latin-1")
        if not api_key:
            socket.reject(401, b'{"error":"API key is missing"}')
            return
        try:
            authenticate_token(self.context.verify_token, api_key)
        except JoinRefusedError as error:
            socket.reject(401, orjson.dumps({"error": handshake_reason(error)}))
            return
        socket.accept()
        is_v2 = query.get("vsn", "1.0.0").startswith("2.")
        await _PhoenixConnection(self.context, socket, api_key, is_v2).run()


@dataclass
class _PhoenixConnection:
    context: PhoenixContext
    socket: WebSocket
    api_key: str
    is_v2: bool
    channels: dict[str, Channel] = field(default_factory=dict)
    event_bytes: EventBytes = field(init=False)

    def __post_init__(self) -> None:
        self.event_bytes = EventBytes(self.context.max_event_bytes)

    async def run(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                cost = message_cost(message)
                if cost > 1 and not self.socket.budget.try_take(cost - 1):
                    # Not even decoded; `_handle` takes the first token of a message, which a heartbeat does not cost.
                    self._warn(Push(HEARTBEAT_TOPIC, ""))
                    continue
                try:
                    push = decode_push(message, is_v2=self.is_v2)
                except BadRequestError as error:
                    # The topic is unknown, so the reply goes to the topic of the socket itself.
                    self._reply_error(Push(HEARTBEAT_TOPIC, ""), f"BadRequest: {error.message}")
                    continue
                await self._handle(push)
        finally:
            for channel in list(self.channels.values()):
                channel.leave()
            self.channels.clear()

    async def _handle(self, push: Push) -> None:
        channel = self.channels.get(push.topic)
        if push.event == "heartbeat":
            self._reply(push, b"{}")
        elif not self.socket.budget.try_take():
            self._warn(push)
        elif push.event == "phx_join":
            await self._join(push)
        elif push.event == "phx_leave":
            if channel is not None:
                channel.leave()
                del self.channels[push.topic]
            self._reply(push, b"{}")
            self._send(push, "phx_close", b"{}")
        elif channel is not None:
            await channel.handle(push)
        else:
            self._reply_error(push, "unmatched topic")

    def _warn(self, push: Push) -> None:
        if self.socket.budget.should_warn():
            self._reply_error(push, "ClientMessageRateLimitReached: Too many messages per second")

    async def _join(self, push: Push) -> None:
        former_channel = self.channels.pop(push.topic, None)
        if former_channel is not None:
            former_channel.leave()
        if not push.topic.startswith(_TOPIC_PREFIX) or push.topic == _TOPIC_PREFIX:
            self._reply_error(push, "TopicNameRequired: You must provide a topic name")
            return
        if len(self.channels) >= _MAX_CHANNELS or len(push.topic) > _MAX_TOPIC_LENGTH:
            self._reply_error(push, "ChannelRateLimitReached: Too many channels")
            return
        channel = Channel(
            self.context,
            self.socket,
            push,
            is_v2=self.is_v2,
            event_bytes=self.event_bytes,
            on_close=self._remove,
        )
        self.channels[push.topic] = channel
        try:
            await channel.join(push.ref, self.api_key)
            self.socket.mark_authenticated()
        except (JoinRefusedError, AppError) as error:
            channel.leave()
            self._remove(channel)
            reason = str(error) if isinstance(error, JoinRefusedError) else f"{error.code}: {error.message}"
            self._reply_error(push, reason)

    def _remove(self, channel: Channel) -> None:
        # The topic may have been joined anew meanwhile.
        if self.channels.get(channel.topic) is channel:
            del self.channels[channel.topic]

    def _reply(self, push: Push, response: bytes, *, status: bytes = b"ok") -> None:
        self._send(push, "phx_reply", b'{"status":"' + status + b'","response":' + response + b"}")

    def _reply_error(self, push: Push, reason: str) -> None:
        self._reply(push, orjson.dumps({"reason": reason}), status=b"error")

    def _send(self, push: Push, event: str, payload: bytes) -> None:
        self.socket.send_text(
            encode_message(push.topic, event, payload, is_v2=self.is_v2, ref=push.ref, join_ref=push.join_ref)
        )

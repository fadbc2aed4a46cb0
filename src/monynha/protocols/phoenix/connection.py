"""A socket of `/realtime/v1/websocket`: its handshake, its channels, its heartbeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson

from monynha.core.errors import AppError, BadRequestError
from monynha.protocols.http.server.websocket import WebSocket
from monynha.protocols.phoenix.channel import Channel, PhoenixContext
from monynha.protocols.phoenix.serializer import HEARTBEAT_TOPIC, Push, decode_push, encode_message
from monynha.protocols.phoenix.tokens import JoinRefusedError, authenticate_token, handshake_reason
from monynha.protocols.realtime.token_bucket import TokenBucket

PATH = "/realtime/v1/websocket"
_MAX_CHANNELS = 100
_TOPIC_PREFIX = "realtime:"


@dataclass(frozen=True)
class PhoenixEndpoint:
    """Accepts sockets of Supabase's realtime clients."""

    context: PhoenixContext

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one socket."""
        query = {name: values[-1] for name, values in parse_qs(socket.scope["query_string"].decode("latin-1")).items()}
        key = query.get("apikey") or (socket.header(b"x-api-key") or b"").decode("latin-1")
        if not key:
            socket.reject(401, b'{"error":"API key is missing"}')
            return
        try:
            authenticate_token(self.context.verify_token, key)
        except JoinRefusedError as error:
            socket.reject(401, orjson.dumps({"error": handshake_reason(error)}))
            return
        socket.accept()
        await _Connection(self.context, socket, key, query.get("vsn", "1.0.0").startswith("2.")).run()


@dataclass
class _Connection:
    context: PhoenixContext
    socket: WebSocket
    api_key: str
    is_v2: bool
    channels: dict[str, Channel] = field(default_factory=dict)
    rate_limit: TokenBucket = field(default_factory=lambda: TokenBucket(time.monotonic))

    async def run(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                try:
                    push = decode_push(message, is_v2=self.is_v2)
                except BadRequestError as error:
                    # There is no topic to answer on; what cannot be read is told on the socket's own.
                    reply = orjson.dumps({"status": "error", "response": {"reason": f"BadRequest: {error.message}"}})
                    self._send(HEARTBEAT_TOPIC, "phx_reply", reply, Push(HEARTBEAT_TOPIC, ""))
                    continue
                await self._handle(push)
        finally:
            for channel in list(self.channels.values()):
                channel.leave()

    async def _handle(self, push: Push) -> None:
        channel = self.channels.get(push.topic)
        if push.event == "heartbeat":
            self._reply(push, b"{}")
        elif not self.rate_limit.try_take():
            if self.rate_limit.should_warn():
                self._refuse(push, "ClientMessageRateLimitReached: Too many messages per second")
        elif push.event == "phx_join":
            await self._join(push)
        elif push.event == "phx_leave":
            if channel is not None:
                channel.leave()
                del self.channels[push.topic]
            self._reply(push, b"{}")
            self._send(push.topic, "phx_close", b"{}", push)
        elif channel is not None:
            await channel.handle(push)
        else:
            self._refuse(push, "unmatched topic")

    async def _join(self, push: Push) -> None:
        former_channel = self.channels.pop(push.topic, None)
        if former_channel is not None:
            former_channel.leave()
        name = push.topic.removeprefix(_TOPIC_PREFIX)
        if not push.topic.startswith(_TOPIC_PREFIX) or not name:
            self._refuse(push, "TopicNameRequired: You must provide a topic name")
            return
        if len(self.channels) >= _MAX_CHANNELS or len(push.topic) > 255:
            self._refuse(push, "ChannelRateLimitReached: Too many channels")
            return
        channel = Channel(self.context, self.socket, push, is_v2=self.is_v2, on_close=self._forget)
        self.channels[push.topic] = channel
        try:
            await channel.join(push.ref, self.api_key)
        except (JoinRefusedError, AppError) as error:
            channel.leave()
            self._forget(channel)
            reason = str(error) if isinstance(error, JoinRefusedError) else f"{error.code}: {error.message}"
            self._refuse(push, reason)

    def _forget(self, channel: Channel) -> None:
        if self.channels.get(channel.topic) is channel:
            del self.channels[channel.topic]

    def _reply(self, push: Push, response: bytes, *, status: bytes = b"ok") -> None:
        payload = b'{"status":"' + status + b'","response":' + response + b"}"
        self._send(push.topic, "phx_reply", payload, push)

    def _refuse(self, push: Push, reason: str) -> None:
        self._reply(push, orjson.dumps({"reason": reason}), status=b"error")

    def _send(self, topic: str, event: str, payload: bytes, push: Push) -> None:
        self.socket.send_text(
            encode_message(topic, event, payload, is_v2=self.is_v2, ref=push.ref, join_ref=push.join_ref)
        )

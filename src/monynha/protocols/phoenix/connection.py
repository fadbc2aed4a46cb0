"""A socket of `/realtime/v1/websocket`: its handshake, its channels, its heartbeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson

from monynha.core.errors import BadRequest, Fault
from monynha.protocols.http.socket import Socket
from monynha.protocols.phoenix.channel import Channel, Parts
from monynha.protocols.phoenix.tokens import Refused, told_to_handshake, verified
from monynha.protocols.phoenix.wire import HEARTBEAT_TOPIC, Push, read, write
from monynha.protocols.websocket.pace import Pace

PATH = "/realtime/v1/websocket"
_MOST_CHANNELS = 100
_PREFIX = "realtime:"


@dataclass(frozen=True)
class PhoenixSocket:
    """Accepts sockets of Supabase's realtime clients."""

    parts: Parts

    async def __call__(self, socket: Socket) -> None:
        """Serve one socket."""
        query = {
            name: values[-1]
            for name, values in parse_qs(socket.scope["query_string"].decode("latin-1")).items()
        }
        key = query.get("apikey") or (socket.header(b"x-api-key") or b"").decode("latin-1")
        if not key:
            socket.refuse(401, b'{"error":"API key is missing"}')
            return
        try:
            verified(self.parts.verify, key)
        except Refused as refused:
            socket.refuse(401, orjson.dumps({"error": told_to_handshake(refused)}))
            return
        socket.accept()
        await _Connection(self.parts, socket, key, query.get("vsn", "1.0.0").startswith("2.")).run()


@dataclass
class _Connection:
    parts: Parts
    socket: Socket
    key: str
    is_second: bool
    channels: dict[str, Channel] = field(default_factory=dict)
    pace: Pace = field(default_factory=lambda: Pace(time.monotonic))

    async def run(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                try:
                    push = read(message, is_second=self.is_second)
                except BadRequest as bad:
                    # There is no topic to answer on; what cannot be read is told on the socket's own.
                    told = orjson.dumps(
                        {"status": "error", "response": {"reason": f"BadRequest: {bad.message}"}}
                    )
                    self._send(HEARTBEAT_TOPIC, "phx_reply", told, Push(HEARTBEAT_TOPIC, ""))
                    continue
                await self._take(push)
        finally:
            for channel in list(self.channels.values()):
                channel.leave()

    async def _take(self, push: Push) -> None:
        channel = self.channels.get(push.topic)
        if push.event == "heartbeat":
            self._reply(push, b"{}")
        elif not self.pace.allows():
            if self.pace.should_warn():
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
            await channel.take(push)
        else:
            self._refuse(push, "unmatched topic")

    async def _join(self, push: Push) -> None:
        former = self.channels.pop(push.topic, None)
        if former is not None:
            former.leave()
        name = push.topic.removeprefix(_PREFIX)
        if not push.topic.startswith(_PREFIX) or not name:
            self._refuse(push, "TopicNameRequired: You must provide a topic name")
            return
        if len(self.channels) >= _MOST_CHANNELS or len(push.topic) > 255:
            self._refuse(push, "ChannelRateLimitReached: Too many channels")
            return
        channel = Channel(self.parts, self.socket, push, is_second=self.is_second, on_close=self._forget)
        self.channels[push.topic] = channel
        try:
            await channel.join(push.ref, self.key)
        except (Refused, Fault) as refused:
            channel.leave()
            self._forget(channel)
            reason = str(refused) if isinstance(refused, Refused) else f"{refused.code}: {refused.message}"
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
        self.socket.send(
            write(topic, event, payload, is_second=self.is_second, ref=push.ref, join_ref=push.join_ref)
        )

"""Topics of channels: the room behind one, who may use a private one, and the encoding of broadcasts in rooms."""

from __future__ import annotations

import re
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.realtime.event_log import Stream
from monynha.protocols.phoenix.context import PhoenixContext

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_STREAM_TOPIC = re.compile(rf"([a-z]+)[-:]({_UUID})(?:[-:].*)?", re.DOTALL)


def topic_stream(topic: str) -> Stream | None:
    """Return the stream that a topic names, as `project-<id>-chat` does, or None."""
    match = _STREAM_TOPIC.fullmatch(topic)
    return None if match is None else Stream(match[1], UUID(match[2]))


def topic_room(topic: str, *, is_private: bool) -> str:
    """Return the room of a topic; the private and the public topic of one name have different rooms."""
    return f"{'private' if is_private else 'public'}:{topic}"


async def can_use_private_topic(context: PhoenixContext, actor: Actor, topic: str) -> bool:
    """Whether the actor may use a private topic: if they may subscribe to the stream that it names."""
    if actor.kind is ActorKind.SERVICE:
        return True
    stream = topic_stream(topic)
    if stream is None or stream.kind not in context.hub.authorizer.roots:
        return False
    try:
        await context.hub.authorizer.authorize(context.database.as_actor(actor), stream)
    except (NotFoundError, UnauthenticatedError):
        return False
    return True


def encode_json_broadcast(event: str, payload: object) -> bytes:
    """Return a broadcast with a JSON payload as a message of a room: `J` and the payload that clients receive."""
    return b"J" + orjson.dumps({"type": "broadcast", "event": event, "payload": payload})


def encode_binary_broadcast(event: str, payload: bytes) -> bytes:
    """Return a broadcast with bytes as a message of a room: `B`, the event's length (16 bits), event, payload."""
    event_name = event.encode()
    return b"B" + len(event_name).to_bytes(2, "big") + event_name + payload


def is_json_broadcast(message: bytes) -> bool:
    """Whether a message of a room has a JSON payload, which is then all but its first byte."""
    return message[:1] == b"J"


def decode_binary_broadcast(message: bytes) -> tuple[str, bytes]:
    """Return the event and the payload of a binary broadcast."""
    size = int.from_bytes(message[1:3], "big")
    return message[3 : 3 + size].decode(), message[3 + size :]

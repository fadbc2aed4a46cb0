"""The rooms behind channels: who may use a private one, and how what is said in them is carried."""

from __future__ import annotations

import re
from typing import Any, Protocol
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.postgres.database import Database

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_STREAM_TOPIC = re.compile(rf"([a-z]+)[-:]({_UUID})(?:[-:].*)?", re.DOTALL)


class AuthorizationContext(Protocol):
    """Where rights are asked."""

    @property
    def database(self) -> Database:
        """Where they stand."""

    @property
    def hub(self) -> Hub:
        """What knows which streams there are."""


def topic_stream(topic: str) -> Stream | None:
    """Return the stream that a topic names, as `project-<id>-chat` does."""
    match = _STREAM_TOPIC.fullmatch(topic)
    return None if match is None else Stream(match[1], UUID(match[2]))


def topic_room(topic: str, *, is_private: bool) -> str:
    """Return the room of a topic: the private one and the public one of a name are two."""
    return f"{'private' if is_private else 'public'}:{topic}"


async def can_use_private_topic(context: AuthorizationContext, actor: Actor, topic: str) -> bool:
    """Whether the actor may use a private room: those who may hear the stream that its topic names."""
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


def encode_json_broadcast(event: str, payload: Any) -> bytes:
    """Return a broadcast of JSON as it is carried."""
    return b"J" + orjson.dumps({"type": "broadcast", "event": event, "payload": payload})


def encode_binary_broadcast(event: str, payload: bytes) -> bytes:
    """Return a broadcast of bytes as it is carried."""
    event_name = event.encode()
    return b"B" + len(event_name).to_bytes(2, "big") + event_name + payload


def decode_binary_broadcast(message: bytes) -> tuple[str, bytes]:
    """Return the event and the bytes of such a broadcast."""
    size = int.from_bytes(message[1:3], "big")
    return message[3 : 3 + size].decode(), message[3 + size :]

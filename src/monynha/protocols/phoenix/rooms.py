"""The rooms behind channels: who may use a private one, and how what is said in them is carried."""

from __future__ import annotations

import re
from typing import Any, Protocol
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import NotFound, Unauthenticated
from monynha.engine.history import Stream
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Database

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAMED = re.compile(rf"([a-z]+)[-:]({_UUID})(?:[-:].*)?", re.DOTALL)


class Asked(Protocol):
    """Where rights are asked."""

    @property
    def database(self) -> Database:
        """Where they stand."""

    @property
    def hub(self) -> Hub:
        """What knows which streams there are."""


def named(topic: str) -> Stream | None:
    """Return the stream that a topic names, as `project-<id>-chat` does."""
    match = _NAMED.fullmatch(topic)
    return None if match is None else Stream(match[1], UUID(match[2]))


def room_of(topic: str, *, is_private: bool) -> str:
    """Return the room of a topic: the private one and the public one of a name are two."""
    return f"{'private' if is_private else 'public'}:{topic}"


async def may_use(parts: Asked, actor: Actor, topic: str) -> bool:
    """Whether the actor may use a private room: those who may hear the stream that its topic names."""
    if actor.kind is ActorKind.SERVICE:
        return True
    stream = named(topic)
    if stream is None or stream.kind not in parts.hub.rights.roots:
        return False
    try:
        await parts.hub.rights.prove(parts.database.acting(actor), stream)
    except (NotFound, Unauthenticated):
        return False
    return True


def said(event: str, payload: Any) -> bytes:
    """Return a broadcast of JSON as it is carried."""
    return b"J" + orjson.dumps({"type": "broadcast", "event": event, "payload": payload})


def raw_said(event: str, payload: bytes) -> bytes:
    """Return a broadcast of bytes as it is carried."""
    name = event.encode()
    return b"B" + len(name).to_bytes(2, "big") + name + payload


def read_raw(told: bytes) -> tuple[str, bytes]:
    """Return the event and the bytes of such a broadcast."""
    size = int.from_bytes(told[1:3], "big")
    return told[3 : 3 + size].decode(), told[3 + size :]

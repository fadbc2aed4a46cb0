"""Phoenix messages as the official clients speak: objects (1.0.0), lists and binaries (2.0.0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from monynha.core.errors import BadRequest
from monynha.core.wire import parse_json

HEARTBEAT_TOPIC = "phoenix"
_USER_PUSH, _USER_BROADCAST = 3, 4


@dataclass(frozen=True, slots=True)
class Push:
    """What a client says; `raw` is the payload of a binary broadcast that is no JSON."""

    topic: str
    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None
    raw: bytes | None = None


def read(message: str | bytes, *, is_second: bool) -> Push:
    """Read a client's message (BadRequest)."""
    if isinstance(message, bytes):
        return _binary(message)
    body = parse_json(message.encode())
    if is_second:
        if not isinstance(body, list) or len(body) != 5:
            raise BadRequest("A message is a list of five.")
        join_ref, ref, topic, event, payload = body
    elif isinstance(body, dict):
        join_ref, ref = body.get("join_ref"), body.get("ref")
        topic, event, payload = body.get("topic"), body.get("event"), body.get("payload")
    else:
        raise BadRequest("A message is an object.")
    if not isinstance(topic, str) or not isinstance(event, str):
        raise BadRequest("A message has a topic and an event.")
    return Push(topic, event, payload if isinstance(payload, dict) else {}, _ref(ref), _ref(join_ref))


def _ref(value: object) -> str | None:
    return str(value)[:64] if isinstance(value, str | int) else None


def _binary(data: bytes) -> Push:
    """Read `03 | sizes of join_ref, ref, topic, event, meta | encoding | those | payload`."""
    if len(data) < 7 or data[0] != _USER_PUSH:
        raise BadRequest("A binary message is a broadcast.")
    sizes, is_json, at = data[1:6], data[6] == 1, 7
    parts: list[str] = []
    for size in sizes:
        try:
            parts.append(data[at : at + size].decode())
        except UnicodeDecodeError:
            raise BadRequest("A binary message's head is UTF-8.") from None
        at += size
    if at > len(data):
        raise BadRequest("A binary message is shorter than it says.")
    join_ref, ref, topic, event, _ = parts
    rest = data[at:]
    said: dict[str, Any] = {"type": "broadcast", "event": event}
    if is_json:
        said["payload"] = parse_json(rest) if rest else {}
    return Push(topic, "broadcast", said, ref or None, join_ref or None, None if is_json else rest)


def write(
    topic: str,
    event: str,
    payload: bytes,
    *,
    is_second: bool,
    ref: str | None = None,
    join_ref: str | None = None,
) -> bytes:
    """Return a server's message around a payload that is JSON already; every key is there, also when null."""
    words = (orjson.dumps(topic), orjson.dumps(event), orjson.dumps(ref))
    if is_second:
        return b"[" + b",".join((orjson.dumps(join_ref), words[2], words[0], words[1], payload)) + b"]"
    return (
        b'{"topic":'
        + words[0]
        + b',"event":'
        + words[1]
        + b',"payload":'
        + payload
        + b',"ref":'
        + words[2]
        + b"}"
    )


def write_raw_broadcast(topic: str, event: str, raw: bytes) -> bytes:
    """Return the binary message of a broadcast that is no JSON, for clients of 2.0.0."""
    words = [topic.encode(), event.encode()]
    head = bytes((_USER_BROADCAST, len(words[0]), len(words[1]), 0, 0))
    return head + words[0] + words[1] + raw

"""Phoenix messages as the official clients speak: objects (1.0.0), lists and binaries (2.0.0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_json

HEARTBEAT_TOPIC = "phoenix"
_CLIENT_BROADCAST, _SERVER_BROADCAST = 3, 4


@dataclass(frozen=True, slots=True)
class Push:
    """What a client says; `raw` is the payload of a binary broadcast that is no JSON."""

    topic: str
    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None
    raw: bytes | None = None


def decode_push(message: str | bytes, *, is_v2: bool) -> Push:
    """Read a client's message (BadRequest)."""
    if isinstance(message, bytes):
        return _decode_binary_push(message)
    body = parse_json(message.encode())
    if is_v2:
        if not isinstance(body, list) or len(body) != 5:
            raise BadRequestError("A message is a list of five.")
        join_ref, ref, topic, event, payload = body
    elif isinstance(body, dict):
        join_ref, ref = body.get("join_ref"), body.get("ref")
        topic, event, payload = body.get("topic"), body.get("event"), body.get("payload")
    else:
        raise BadRequestError("A message is an object.")
    if not isinstance(topic, str) or not isinstance(event, str):
        raise BadRequestError("A message has a topic and an event.")
    return Push(topic, event, payload if isinstance(payload, dict) else {}, _parse_ref(ref), _parse_ref(join_ref))


def _parse_ref(value: object) -> str | None:
    return str(value)[:64] if isinstance(value, str | int) else None


def _decode_binary_push(data: bytes) -> Push:
    """Read `03 | sizes of join_ref, ref, topic, event, meta | encoding | those | payload`."""
    if len(data) < 7 or data[0] != _CLIENT_BROADCAST:
        raise BadRequestError("A binary message is a broadcast.")
    sizes, is_json, offset = data[1:6], data[6] == 1, 7
    fields: list[str] = []
    for size in sizes:
        try:
            fields.append(data[offset : offset + size].decode())
        except UnicodeDecodeError:
            raise BadRequestError("A binary message's head is UTF-8.") from None
        offset += size
    if offset > len(data):
        raise BadRequestError("A binary message is shorter than it says.")
    join_ref, ref, topic, event, _ = fields
    body = data[offset:]
    broadcast: dict[str, Any] = {"type": "broadcast", "event": event}
    if is_json:
        broadcast["payload"] = parse_json(body) if body else {}
    return Push(topic, "broadcast", broadcast, ref or None, join_ref or None, None if is_json else body)


def encode_message(
    topic: str,
    event: str,
    payload: bytes,
    *,
    is_v2: bool,
    ref: str | None = None,
    join_ref: str | None = None,
) -> bytes:
    """Return a server's message around a payload that is JSON already; every key is there, also when null."""
    encoded = (orjson.dumps(topic), orjson.dumps(event), orjson.dumps(ref))
    if is_v2:
        return b"[" + b",".join((orjson.dumps(join_ref), encoded[2], encoded[0], encoded[1], payload)) + b"]"
    return (
        b'{"topic":'
        + encoded[0]
        + b',"event":'
        + encoded[1]
        + b',"payload":'
        + payload
        + b',"ref":'
        + encoded[2]
        + b"}"
    )


def encode_binary_message(topic: str, event: str, payload: bytes) -> bytes:
    """Return the binary message of a broadcast that is no JSON, for clients of 2.0.0."""
    names = [topic.encode(), event.encode()]
    head = bytes((_SERVER_BROADCAST, len(names[0]), len(names[1]), 0, 0))
    return head + names[0] + names[1] + payload

"""Decode and encode Phoenix messages: objects (version 1.0.0), lists and binary messages (version 2.0.0)."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_json

HEARTBEAT_TOPIC = "phoenix"
"""The topic of messages about the socket itself."""
_CLIENT_BROADCAST, _SERVER_BROADCAST = 3, 4
_BINARY_HEADER_SIZE = 7
_MAX_REF_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Push:
    """A message of a client; `binary_payload` is the payload of a broadcast that is not JSON."""

    topic: str
    event: str
    payload: dict[str, object] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None
    binary_payload: bytes | None = None


def decode_push(message: str | bytes, *, is_v2: bool) -> Push:
    """Decode a client's message; BadRequestError for a malformed one."""
    if isinstance(message, bytes):
        return _decode_binary_push(message)
    body = parse_json(message.encode())
    if is_v2:
        if not isinstance(body, list) or len(body) != 5:
            raise BadRequestError("A message must be a list of join_ref, ref, topic, event and payload.")
        join_ref, ref, topic, event, payload = body
    elif isinstance(body, dict):
        join_ref, ref = body.get("join_ref"), body.get("ref")
        topic, event, payload = body.get("topic"), body.get("event"), body.get("payload")
    else:
        raise BadRequestError("A message must be a JSON object.")
    if not isinstance(topic, str) or not isinstance(event, str):
        raise BadRequestError("topic and event of a message must be texts.")
    return Push(topic, event, payload if isinstance(payload, dict) else {}, _parse_ref(ref), _parse_ref(join_ref))


def _parse_ref(value: object) -> str | None:
    return str(value)[:_MAX_REF_LENGTH] if isinstance(value, str | int) else None


def _decode_binary_push(data: bytes) -> Push:
    """Decode `03 | sizes of join_ref, ref, topic, event, metadata | 01 for JSON | these five | payload`."""
    if len(data) < _BINARY_HEADER_SIZE or data[0] != _CLIENT_BROADCAST:
        raise BadRequestError("A binary message must be a broadcast.")
    sizes, is_json, offset = data[1:6], data[6] == 1, _BINARY_HEADER_SIZE
    fields: list[str] = []
    for size in sizes:
        try:
            fields.append(data[offset : offset + size].decode())
        except UnicodeDecodeError:
            raise BadRequestError("The header of a binary message must be UTF-8.") from None
        offset += size
    if offset > len(data):
        raise BadRequestError("The binary message is shorter than its header says.")
    join_ref, ref, topic, event, _ = fields
    body = data[offset:]
    payload: dict[str, object] = {"type": "broadcast", "event": event}
    if is_json:
        payload["payload"] = parse_json(body) if body else {}
    return Push(topic, "broadcast", payload, ref or None, join_ref or None, None if is_json else body)


def encode_message(
    topic: str, event: str, payload: bytes, *, is_v2: bool, ref: str | None = None, join_ref: str | None = None
) -> bytes:
    """Return a server's message around a payload of JSON; clients expect every key, also when it is null."""
    topic_json, event_json, ref_json = orjson.dumps(topic), orjson.dumps(event), orjson.dumps(ref)
    if is_v2:
        return b"[" + b",".join((orjson.dumps(join_ref), ref_json, topic_json, event_json, payload)) + b"]"
    return b'{"topic":%b,"event":%b,"payload":%b,"ref":%b}' % (topic_json, event_json, payload, ref_json)


def encode_binary_message(topic: str, event: str, payload: bytes) -> bytes:
    """Return a server's broadcast that is not JSON: `04 | sizes of topic, event, metadata | 00 | these | payload`."""
    topic_bytes, event_bytes = topic.encode(), event.encode()
    header = bytes((_SERVER_BROADCAST, len(topic_bytes), len(event_bytes), 0, 0))
    return header + topic_bytes + event_bytes + payload

"""What stands in messages of `/ws`, read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from monynha.core.errors import BadRequestError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import parse_json, parse_uuid
from monynha.engine.realtime.event_log import Stream
from monynha.infra.postgres.stream_version import StreamVersion


def parse_message_object(message: str | bytes) -> dict[str, Any]:
    """Return the object that a message is (BadRequest)."""
    body = parse_json(message.encode() if isinstance(message, str) else message)
    if not isinstance(body, dict):
        raise BadRequestError("A message is a JSON object.")
    return body


def parse_token(body: dict[str, Any]) -> str:
    """Return the token of a message (Unauthenticated)."""
    token = body.get("token")
    if not isinstance(token, str):
        raise UnauthenticatedError()
    return token


def parse_id(body: dict[str, Any], name: str) -> UUID:
    """Return an id of a message; what is no UUID is NotFound."""
    value = body.get(name)
    if value is None:
        raise BadRequestError(f"{name} is missing.", details={name: "is required"})
    parsed_id = parse_uuid(value) if isinstance(value, str) else None
    if parsed_id is None:
        raise NotFoundError()
    return parsed_id


def stream_id_field(stream: Stream) -> dict[str, object]:
    """Return how messages name a stream, as `projectId`."""
    return {f"{stream.kind}Id": str(stream.id)}


def written_version(written: Iterable[StreamVersion], kind: str) -> int | None:
    """The place in the row's own stream, of all that a transaction wrote to; none where nothing changed."""
    versions = (stream.version for stream in written if stream.kind == kind)
    return max((version for version in versions if version is not None), default=None)

"""What stands in messages of `/ws`, read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from monynha.core.errors import BadRequest, NotFound, Unauthenticated
from monynha.core.wire import parse_json, parse_uuid
from monynha.engine.history import Stream


def read_object(message: str | bytes) -> dict[str, Any]:
    """Return the object that a message is (BadRequest)."""
    body = parse_json(message.encode() if isinstance(message, str) else message)
    if not isinstance(body, dict):
        raise BadRequest("A message is a JSON object.")
    return body


def read_token(body: dict[str, Any]) -> str:
    """Return the token of a message (Unauthenticated)."""
    token = body.get("token")
    if not isinstance(token, str):
        raise Unauthenticated()
    return token


def read_id(body: dict[str, Any], name: str) -> UUID:
    """Return an id of a message; what is no UUID is NotFound."""
    value = body.get(name)
    if value is None:
        raise BadRequest(f"{name} is missing.", details={name: "is required"})
    found = parse_uuid(value) if isinstance(value, str) else None
    if found is None:
        raise NotFound()
    return found


def id_of(stream: Stream) -> dict[str, object]:
    """Return how messages name a stream, as `projectId`."""
    return {f"{stream.kind}Id": str(stream.id)}


def version_in(written: list[str], kind: str) -> int | None:
    """The place in the row's own stream, of all that a transaction wrote to; none where nothing changed."""
    found = [one.split(" ") for told in written for one in told.split(",")]
    return max((int(version) for where, _, version in found if where == kind), default=None)

"""Parse a client's message on the sockets that speak JSON objects: `/ws` and `graphql-transport-ws`."""

from __future__ import annotations

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_json

JsonObject = dict[str, object]


def parse_message_object(message: str | bytes) -> JsonObject:
    """Return the JSON object of a text or binary message; BadRequestError if it is not one."""
    body = parse_json(message.encode() if isinstance(message, str) else message)
    if not isinstance(body, dict):
        raise BadRequestError("A message must be a JSON object.")
    return body

"""Custom REST endpoints of notifications: mark one as read or unread, mark all as read."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.domains.notifications.actions import (
    MARK_ALL_READ_DESCRIPTION,
    MARK_ALL_READ_NAME,
    READ_DESCRIPTION,
    READ_FIELD,
    mark_all_read,
    mark_read,
)
from monynha.domains.notifications.models import notifications
from monynha.engine.mutation.custom_body import parse_custom_body, raise_field_errors
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.context import RestContext, read_json_body, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.etag import compute_etag, item_headers, parse_if_match
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import WriteHandlers

ENDPOINT_DOCS = tuple(
    EndpointDoc(
        method,
        "/notifications/{id}",
        "update",
        notifications,
        "A notification of a user.",
        input_schemas={READ_FIELD: {"type": "boolean", "description": READ_DESCRIPTION}},
        replaces_fields=True,
    )
    for method in ("PUT", "PATCH")
)
"""The documentation of these endpoints for OpenAPI."""

ACTION_DOCS = (
    CustomEndpointDoc(
        "POST",
        "/notifications/read-all",
        MARK_ALL_READ_NAME,
        notifications,
        "Mark all notifications as read",
        MARK_ALL_READ_DESCRIPTION,
        {
            "type": "object",
            "required": ["updated"],
            "properties": {"updated": {"type": "integer", "minimum": 0}},
        },
    ),
)
"""The documentation of the endpoint that changes all notifications of the caller."""


@dataclass(frozen=True)
class NotificationRoutes:
    """The custom endpoints of notifications."""

    rest: RestContext

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("PUT", "/notifications/{id}"): self.mark_read,
            ("PATCH", "/notifications/{id}"): self.mark_read,
            ("POST", "/notifications/read-all"): self.mark_all_read,
        }

    async def mark_read(self, request: Request) -> Response:
        """Mark a notification as read or unread; a second mark as read keeps the first time."""
        handlers = WriteHandlers(self.rest, notifications)
        connection = self.rest.connect(request)
        is_read = _parse_body(await read_json_body(request))
        key = handlers.primary_key(request, connection)
        versions = parse_if_match(request.header(b"if-match"))
        notification = await mark_read(self.rest.mutations, connection, key, is_read, versions=versions)
        return data_response(notification.json, extra_headers=item_headers(compute_etag(notification)))

    async def mark_all_read(self, request: Request) -> Response:
        """Mark all notifications of the caller as read, and return how many were unread."""
        reject_unknown_params(read_query(request), ())
        return data_response(orjson.dumps({"updated": await mark_all_read(self.rest.connect(request))}))


def _parse_body(body: object) -> bool | None:
    """Return the read flag of a body, None if it has none."""
    values, errors = parse_custom_body(notifications, body, {READ_FIELD: _parse_flag}, optional=frozenset({READ_FIELD}))
    raise_field_errors(errors)
    return None if READ_FIELD not in values else values[READ_FIELD] is True


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value

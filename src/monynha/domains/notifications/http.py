"""The routes of notifications that are not derived: marking one as read, or all."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.core.errors import ValidationFailedError
from monynha.domains.notifications.actions import READ_DESCRIPTION, READ_FIELD, mark_all_read, mark_read
from monynha.domains.notifications.models import notifications
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
        "Something that a person should know.",
        input_schemas={READ_FIELD: {"type": "boolean", "description": READ_DESCRIPTION}},
        replaces_fields=True,
    )
    for method in ("PUT", "PATCH")
)
"""What these routes take and answer."""

ACTION_DOCS = (
    CustomEndpointDoc(
        "POST",
        "/notifications/read-all",
        "readAllNotifications",
        notifications,
        "Mark all notifications as read",
        "Everything that the caller was told counts as read; it tells how many were not yet.",
        {
            "type": "object",
            "required": ["updated"],
            "properties": {"updated": {"type": "integer", "minimum": 0}},
        },
    ),
)
"""What is done to all of them at once."""


@dataclass(frozen=True)
class NotificationRoutes:
    """The routes of notifications that are not derived."""

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
        """Mark one as read or unread; what is read already keeps its time."""
        handlers = WriteHandlers(self.rest, notifications)
        connection = self.rest.connect(request)
        is_read = _parse_read_flag(await read_json_body(request))
        key = handlers.primary_key(request, connection)
        versions = parse_if_match(request.header(b"if-match"))
        notification = await mark_read(self.rest.mutations, connection, key, is_read, versions=versions)
        return data_response(notification.json, extra_headers=item_headers(compute_etag(notification)))

    async def mark_all_read(self, request: Request) -> Response:
        """Mark all as read, and tell how many that were."""
        reject_unknown_params(read_query(request), ())
        return data_response(orjson.dumps({"updated": await mark_all_read(self.rest.connect(request))}))


def _parse_read_flag(body: object) -> bool | None:
    if not isinstance(body, dict):
        raise ValidationFailedError("The validation of the request failed: the body must be an object.")
    problems: dict[str, object] = {
        str(name)[:100]: "is read-only" if name in notifications.fields else "is not known"
        for name in body
        if name != READ_FIELD
    }
    is_read = body.get(READ_FIELD)
    if READ_FIELD in body and not isinstance(is_read, bool):
        problems[READ_FIELD] = "must be true or false"
    if problems:
        raise ValidationFailedError.from_field_errors(problems)
    return is_read if isinstance(is_read, bool) else None

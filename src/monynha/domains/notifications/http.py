"""The routes of notifications that are not derived: marking one as read, or all."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.core.errors import Invalid
from monynha.domains.notifications.actions import READ, READ_DOC, mark, mark_all
from monynha.domains.notifications.models import notifications
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.rest.described import Action, Described
from monynha.protocols.rest.etag import etag, of_item, wanted_versions
from monynha.protocols.rest.handlers import Handlers, Rest, query_of, read_body
from monynha.protocols.rest.question import refuse_unknown
from monynha.protocols.rest.routes import Overrides

DESCRIBED = tuple(
    Described(
        method,
        "/notifications/{id}",
        "update",
        notifications,
        "Something that a person should know.",
        inputs={READ: {"type": "boolean", "description": READ_DOC}},
        is_whole=True,
    )
    for method in ("PUT", "PATCH")
)
"""What these routes take and answer."""

ACTIONS = (
    Action(
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

    rest: Rest

    @property
    def overrides(self) -> Overrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("PUT", "/notifications/{id}"): self.mark,
            ("PATCH", "/notifications/{id}"): self.mark,
            ("POST", "/notifications/read-all"): self.read_all,
        }

    async def mark(self, request: Request) -> Response:
        """Mark one as read or unread; what is read already keeps its time."""
        handlers = Handlers(self.rest, notifications)
        acting = self.rest.acting(request)
        is_read = _read(await read_body(request))
        key = handlers.key(request, acting)
        versions = wanted_versions(request.header(b"if-match"))
        current = await mark(self.rest.mutate, acting, key, is_read, versions=versions)
        return enveloped(current.body, extra=of_item(etag(current)))

    async def read_all(self, request: Request) -> Response:
        """Mark all as read, and tell how many that were."""
        refuse_unknown(query_of(request), ())
        return enveloped(orjson.dumps({"updated": await mark_all(self.rest.acting(request))}))


def _read(body: object) -> bool | None:
    if not isinstance(body, dict):
        raise Invalid("The validation of the request failed: the body must be an object.")
    problems: dict[str, object] = {
        str(name)[:100]: "is read-only" if name in notifications.fields else "is not known"
        for name in body
        if name != READ
    }
    read = body.get(READ)
    if READ in body and not isinstance(read, bool):
        problems[READ] = "must be true or false"
    if problems:
        raise Invalid.of(problems)
    return read if isinstance(read, bool) else None

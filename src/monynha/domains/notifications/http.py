"""What is done with notifications beyond reading them: marking one as read, or all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from monynha.core.errors import Invalid
from monynha.core.wire import format_instant
from monynha.domains.notifications.models import notifications
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.rest.described import Action, Described
from monynha.protocols.rest.etag import etag, of_item, wanted_versions
from monynha.protocols.rest.handlers import Handlers, Rest, query_of, read_body
from monynha.protocols.rest.question import refuse_unknown
from monynha.protocols.rest.routes import Overrides

_READ_ALL = """
update public.notifications set read_at = clock_timestamp()
where user_id = (select auth.uid()) and read_at is null
"""


DESCRIBED = tuple(
    Described(
        method,
        "/notifications/{id}",
        "update",
        notifications,
        "Something that a person should know.",
        inputs={"read": {"type": "boolean", "description": "Whether it was read."}},
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
        current = await self.rest.mutate.update(acting, notifications, key, {}, versions=versions)
        was_read = orjson.loads(current.body)["readAt"] is not None
        if is_read is not None and is_read != was_read:
            values: dict[str, object] = {"read_at": format_instant(datetime.now(UTC)) if is_read else None}
            current = await self.rest.mutate.update(acting, notifications, key, values, versions=versions)
        return enveloped(current.body, extra=of_item(etag(current)))

    async def read_all(self, request: Request) -> Response:
        """Mark all as read, and tell how many that were."""
        refuse_unknown(query_of(request), ())
        acting = self.rest.acting(request)
        async with acting.transaction() as transaction:
            updated = await transaction.run(_READ_ALL)
        return enveloped(orjson.dumps({"updated": updated}))


def _read(body: object) -> bool | None:
    if not isinstance(body, dict):
        raise Invalid("The validation of the request failed: the body must be an object.")
    problems: dict[str, object] = {
        str(name)[:100]: "is read-only" if name in notifications.fields else "is not known"
        for name in body
        if name != "read"
    }
    read = body.get("read")
    if "read" in body and not isinstance(read, bool):
        problems["read"] = "must be true or false"
    if problems:
        raise Invalid.of(problems)
    return read if isinstance(read, bool) else None

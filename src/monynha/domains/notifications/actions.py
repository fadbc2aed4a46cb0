"""Actions on notifications, for REST and GraphQL alike: mark one as read or unread, mark all as read."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from monynha.core.serialization import format_timestamp
from monynha.domains.notifications.models import notifications
from monynha.engine.mutation.mutations import ExpectedVersions, Mutations, PrimaryKey
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.retries import with_retries

READ_FIELD = "read"
READ_DESCRIPTION = "Whether the notification has been read."
MARK_ALL_READ_NAME = "readAllNotifications"
MARK_ALL_READ_DESCRIPTION = "Mark all notifications of the caller as read. Returns how many were unread."
_MARK_ALL_READ = """
update public.notifications set read_at = clock_timestamp()
where user_id = (select auth.uid()) and read_at is null
"""


async def mark_read(
    mutations: Mutations,
    connection: ActorConnection,
    key: PrimaryKey,
    is_read: bool | None,
    *,
    versions: ExpectedVersions | None = None,
    selection: Selection | None = None,
) -> JsonRow:
    """Mark a notification as read or unread, and return it; a second mark as read keeps the first time.

    `is_read` None changes nothing. With `selection`, the result has its fields and relations.
    """
    notification = await mutations.update(connection, notifications, key, {}, expected_versions=versions)
    was_read = orjson.loads(notification.json)["readAt"] is not None
    values: dict[str, object] = {}
    if is_read is not None and is_read != was_read:
        values = {"read_at": format_timestamp(datetime.now(UTC)) if is_read else None}
    elif selection is None:
        return notification
    return await mutations.update(
        connection, notifications, key, values, expected_versions=versions, result_selection=selection
    )


async def mark_all_read(connection: ActorConnection) -> int:
    """Mark all notifications of the caller as read, and return how many were unread."""

    async def attempt(connection: ActorConnection) -> int:
        async with connection.transaction() as transaction:
            return await transaction.execute(_MARK_ALL_READ)

    return await with_retries(connection, attempt)

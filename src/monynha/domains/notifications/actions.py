"""What is done with notifications beyond reading them, by whatever protocol: marking one as read, or all."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from monynha.core.wire import format_instant
from monynha.domains.notifications.models import notifications
from monynha.engine.mutate import Key, Mutate, Versions
from monynha.engine.query import Found
from monynha.engine.selection import Selection
from monynha.infra.postgres.database import Acting

READ = "read"
READ_DOC = "Whether it was read."
_READ_ALL = """
update public.notifications set read_at = clock_timestamp()
where user_id = (select auth.uid()) and read_at is null
"""


async def mark(
    mutate: Mutate,
    acting: Acting,
    key: Key,
    is_read: bool | None,
    *,
    versions: Versions | None = None,
    answer: Selection | None = None,
) -> Found:
    """Mark one as read or unread, and return it; what is read already keeps its time."""
    current = await mutate.update(acting, notifications, key, {}, versions=versions)
    was_read = orjson.loads(current.body)["readAt"] is not None
    values: dict[str, object] = {}
    if is_read is not None and is_read != was_read:
        values = {"read_at": format_instant(datetime.now(UTC)) if is_read else None}
    elif answer is None:
        return current
    return await mutate.update(acting, notifications, key, values, versions=versions, answer=answer)


async def mark_all(acting: Acting) -> int:
    """Mark all of somebody's as read, and return how many were not yet."""
    async with acting.transaction() as transaction:
        return await transaction.run(_READ_ALL)

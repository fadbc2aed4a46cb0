"""The `analytics` resource: what was counted of a day or of a month."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    nullable_server_integer,
    primary_key,
    row_version,
    server_integer,
    server_timestamp,
)
from monynha.engine.schema.resource import Resource, filter_in, filter_range


class PeriodKind(Choice):
    """How long a period is, in UTC."""

    DAY = "day", "From midnight to midnight."
    MONTH = "month", "A calendar month."


class AnalyticsPeriod(Model):
    """How much the whole system was used in a day or a month. Only system admins and the service key see it."""

    __tablename__ = "analytics"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    period: Mapped[str] = choice_of(PeriodKind, 5, "Whether it is a day or a month.")
    starts_at: Mapped[datetime] = server_timestamp("Its first moment.")
    users: Mapped[int] = server_integer("Users at its end.")
    active_users: Mapped[int | None] = nullable_server_integer(
        "Users who changed something; null where the events had been deleted before they were counted."
    )
    projects: Mapped[int] = server_integer("Projects at its end.")
    tasks_created: Mapped[int | None] = nullable_server_integer("Tasks that were created; null as `activeUsers`.")
    tasks_done: Mapped[int | None] = nullable_server_integer(
        "Tasks that became done and were done at the end of the day; null as `activeUsers`."
    )
    storage_megabytes: Mapped[int] = server_integer("Megabytes of all stored objects at its end, rounded up.")
    jobs: Mapped[int] = server_integer("Background jobs that were completed.")
    version: Mapped[int] = row_version()


analytics = Resource(
    AnalyticsPeriod,
    "analyticsPeriod",
    "analytics",
    filters=(*filter_in("period"), *filter_range("starts", "startsAt")),
    sorts=("startsAt",),
    default_sort="startsAt",
    operations=frozenset({"list"}),
    is_admin_only=True,
)

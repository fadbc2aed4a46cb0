"""The `jobs` resource: background jobs without their private data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    json_object,
    nullable_foreign_key,
    nullable_long_text,
    nullable_server_json,
    nullable_server_timestamp,
    primary_key,
    row_version,
    server_integer,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import ForeignRelation, Resource, filter_in


class JobState(Choice):
    """Where a job is between being enqueued and being deleted."""

    READY = "ready", "It waits for a worker, or for its time."
    ACTIVE = "active", "A worker runs it."
    COMPLETED = "completed", "It is done."
    DEAD = "dead", "It failed in all its attempts, or for good; it can be retried."
    CANCELLED = "cancelled", "An admin cancelled it; it can be retried."


class JobRow(Model):
    """A background job. Only system admins and the service key see jobs."""

    __tablename__ = "jobs"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    queue: Mapped[str] = short_text(1, 100, "Name of the queue, which says what kind of job it is.")
    state: Mapped[str] = choice_of(JobState, 20, "Where the job is on its way.")
    priority: Mapped[int] = server_integer("Jobs of a higher priority are done first.")
    payload: Mapped[dict[str, object]] = json_object(
        100_000, "What to do. Its private part, `data`, is shown to nobody: it may hold links that sign somebody in."
    )
    result: Mapped[dict[str, object] | None] = nullable_server_json("What the job returned; null before it is done.")
    attempts: Mapped[int] = server_integer("How many times it was begun.")
    max_attempts: Mapped[int] = server_integer("How many times it is begun at most.")
    progress: Mapped[int] = server_integer("How far it is, in percent.")
    last_error: Mapped[str | None] = nullable_long_text(8_000, "Why the last failed attempt failed.")
    dedup_key: Mapped[str | None] = nullable_long_text(
        2_000, "No other job of the queue with this key waits or runs meanwhile."
    )
    requester_id: Mapped[UUID | None] = nullable_foreign_key(
        "Id of the user whose change enqueued it; null for the program itself."
    )
    run_at: Mapped[datetime] = server_timestamp("When it is begun at the earliest.")
    started_at: Mapped[datetime | None] = nullable_server_timestamp("When the last attempt began.")
    finished_at: Mapped[datetime | None] = nullable_server_timestamp("When it was completed, cancelled, or given up.")
    created_at: Mapped[datetime] = server_timestamp("When it was enqueued.")
    updated_at: Mapped[datetime] = server_timestamp("When it last changed.")
    version: Mapped[int] = row_version()


jobs = Resource(
    JobRow,
    "job",
    "jobs",
    foreign_relations={"requester": ForeignRelation(users, JobRow.requester_id)},
    filters=filter_in("queue", "state"),
    sorts=("createdAt",),
    operations=frozenset({"list", "read"}),
    is_admin_only=True,
)

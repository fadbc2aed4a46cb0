"""The `activity` resource: a view of the event log of a project."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    foreign_key,
    nullable_foreign_key,
    nullable_server_json,
    parent_id,
    primary_key,
    row_version,
    server_integer,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import ForeignRelation, Resource, filter_in


class ActivityVerb(Choice):
    """What was done to a row."""

    CREATED = "created", "The row was created."
    UPDATED = "updated", "The row was changed."
    DELETED = "deleted", "The row was deleted."


class ActivityEntry(Model):
    """A change in a project: who changed what and when, with the old and the new values."""

    __tablename__ = "activity"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    project_id: Mapped[UUID] = parent_id("projects.id", "Id of the project.")
    position: Mapped[int] = server_integer("Sequential number of the change in the project.")
    resource: Mapped[str] = short_text(1, 50, "Resource of the changed row, for example `tasks`.")
    verb: Mapped[str] = choice_of(ActivityVerb, 50, "What was done to the row.")
    row_id: Mapped[UUID] = foreign_key("projects.id", "Id of the changed row; of a member, the id of the user.")
    old: Mapped[dict[str, object] | None] = nullable_server_json(
        "Old values of the changed fields; null for a created row."
    )
    new: Mapped[dict[str, object] | None] = nullable_server_json("New values; null for a deleted row.")
    actor_id: Mapped[UUID | None] = nullable_foreign_key("Id of the user who made the change; null for the system.")
    at: Mapped[datetime] = server_timestamp("When the change was made.")
    version: Mapped[int] = row_version()


activity = Resource(
    ActivityEntry,
    "activityEntry",
    "activity",
    parent=ForeignRelation(projects, ActivityEntry.project_id),
    foreign_relations={"actor": ForeignRelation(users, ActivityEntry.actor_id)},
    filters=filter_in("verb", "actorId"),
    sorts=("position",),
    default_sort="position",
    operations=frozenset({"list"}),
)

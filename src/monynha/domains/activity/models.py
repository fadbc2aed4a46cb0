"""Activity, as the API knows it: a view of the history."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.schema.columns import (
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


class ActivityVerb(StrEnum):
    """What happened to a row."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class ActivityEntry(Model):
    """A change in a project: who changed what, when, from what to what."""

    __tablename__ = "activity"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy wants a dictionary

    id: Mapped[UUID] = primary_key()
    project_id: Mapped[UUID] = parent_id("projects.id", "The project.")
    position: Mapped[int] = server_integer("Its place in the project's history.")
    resource: Mapped[str] = short_text(1, 50, "What kind of thing was changed, as `tasks`.")
    verb: Mapped[str] = choice_of(ActivityVerb, 50, "What happened to it.")
    row_id: Mapped[UUID] = foreign_key("projects.id", "The id of what was changed; of a member, the person's.")
    old: Mapped[dict[str, object] | None] = nullable_server_json("The values before, of what was changed.")
    new: Mapped[dict[str, object] | None] = nullable_server_json("The values after; null of what was deleted.")
    actor_id: Mapped[UUID | None] = nullable_foreign_key("Who did it; null for the program itself.")
    at: Mapped[datetime] = server_timestamp("When it happened.")
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

"""Activity, as the API knows it: a view of the history."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.model import (
    Model,
    belongs_to,
    choice,
    instant,
    key,
    may_refer_to,
    maybe_values,
    number,
    refers_to,
    text,
    version,
)
from monynha.engine.resource import Link, Resource, equal


class Happened(StrEnum):
    """What happened to a row."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class ActivityEntry(Model):
    """A change in a project: who changed what, when, from what to what."""

    __tablename__ = "activity"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy wants a dictionary

    id: Mapped[UUID] = key()
    project_id: Mapped[UUID] = belongs_to("projects.id", "The project.")
    position: Mapped[int] = number("Its place in the project's history.")
    resource: Mapped[str] = text(1, 50, "What kind of thing was changed, as `tasks`.")
    verb: Mapped[str] = choice(Happened, 50, "What happened to it.")
    row_id: Mapped[UUID] = refers_to("projects.id", "The id of what was changed; of a member, the person's.")
    old: Mapped[dict[str, object] | None] = maybe_values("The values before, of what was changed.")
    new: Mapped[dict[str, object] | None] = maybe_values("The values after; null of what was deleted.")
    actor_id: Mapped[UUID | None] = may_refer_to("Who did it; null for the program itself.")
    at: Mapped[datetime] = instant("When it happened.")
    version: Mapped[int] = version()


activity = Resource(
    ActivityEntry,
    "activityEntry",
    "activity",
    within=Link(projects, ActivityEntry.project_id),
    links={"actor": Link(users, ActivityEntry.actor_id)},
    filters=equal("verb", "actorId"),
    sorts=("position",),
    newest="position",
    verbs=frozenset({"list"}),
)

"""Projects and their members, as the API knows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.core.errors import Forbidden
from monynha.domains.users import users
from monynha.engine.model import (
    Model,
    belongs_to,
    choice,
    instant,
    json_object,
    key,
    made_by,
    maybe_prose,
    refers_to,
    text,
    version,
)
from monynha.engine.resource import Derived, Link, Resource, Rule, Told, equal, search


class ProjectStatus(StrEnum):
    """Whether a project is worked on."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Role(StrEnum):
    """What a member may do, least first."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class Project(Model):
    """What a team plans together."""

    __tablename__ = "projects"

    id: Mapped[UUID] = key()
    name: Mapped[str] = text(1, 255, "The name.")
    description: Mapped[str | None] = maybe_prose(100_000, "What it is about.")
    owner_id: Mapped[UUID] = made_by("users.id", "Whose it is.")
    status: Mapped[str] = choice(ProjectStatus, 50, "Whether it is worked on; an archived one is read-only.")
    settings: Mapped[dict[str, object]] = json_object(64_000, "Whatever clients keep with it.")
    created_at: Mapped[datetime] = instant("When it was made.")
    updated_at: Mapped[datetime] = instant("When it changed last.")
    version: Mapped[int] = version()


class Member(Model):
    """A person in a project."""

    __tablename__ = "project_members"

    project_id: Mapped[UUID] = belongs_to("projects.id", "The project.", part_of_key=True)
    user_id: Mapped[UUID] = refers_to(
        "users.id", "The person.", part_of_key=True, found_by=("email", "user_with_address")
    )
    role: Mapped[str] = choice(Role, 50, "What they may do there.")
    joined_at: Mapped[datetime] = instant("When they joined.")
    version: Mapped[int] = version()


def _my_role(project: str) -> str:
    mine = f"mine.project_id = {project}.id and mine.user_id = (select auth.uid())"
    return f"(select mine.role from {Member.__tablename__} mine where {mine})"


projects = Resource(
    Project,
    "project",
    "projects",
    links={"owner": Link(users, Project.owner_id, inverse="ownedProjects")},
    derived={
        "myRole": Derived(_my_role, tuple(Role), "What the caller is in it; null to an admin from outside.")
    },
    filters=(*equal("status"), search("name", "description")),
    sorts=("createdAt", "updatedAt", "name", "status"),
    told_to=(Told("project", Project.id),),
    rules={
        "a project has a name": Rule("name", "must not be empty"),
        "a project's settings are an object": Rule("settings", "must be an object"),
        "an archived project is read-only": Rule("status", "An archived project is read-only", Forbidden),
    },
)

members = Resource(
    Member,
    "member",
    "members",
    within=Link(projects, Member.project_id),
    links={"user": Link(users, Member.user_id, inverse="memberships", across="projects")},
    filters=equal("role"),
    sorts=("joinedAt", "role"),
    newest="joinedAt",
    told_to=(Told("project", Member.project_id), Told("user", Member.user_id)),
    carries=("user",),
    admits=Member.user_id,
    # A new member is at most an admin: a project gets another owner by being handed over.
    not_created_with={"role": (Role.OWNER.value,)},
    rules={
        "a person is a member once": Rule.conflict("userId", "is a member already"),
        "project_members_user_id_fkey": Rule("userId", "does not exist"),
        "the owner stays a member": Rule.conflict("role", "of the owner stays; hand the project over first"),
        "the owner's role stays until it is handed over": Rule.conflict(
            "role", "of the owner stays; hand the project over first"
        ),
        "a project has one owner": Rule.conflict("role", "was handed over to somebody else just now"),
    },
)

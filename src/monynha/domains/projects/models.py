"""The `projects` and `members` resources."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.core.errors import ForbiddenError
from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Lookup,
    Model,
    choice_of,
    creator_id,
    foreign_key,
    json_object,
    nullable_long_text,
    parent_id,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import (
    ComputedField,
    ConstraintMessage,
    EventStream,
    ForeignRelation,
    Resource,
    filter_in,
    filter_search,
)


class ProjectStatus(Choice):
    """Whether a project is active; an archived project is read-only."""

    ACTIVE = "active", "Its members work in it."
    ARCHIVED = "archived", "It is read-only until it is active again."


class Role(Choice):
    """The role of a member, from the fewest rights to the most."""

    VIEWER = "viewer", "Sees the project and its tasks."
    MEMBER = "member", "Also creates, changes and deletes tasks."
    ADMIN = "admin", "Also changes the project, and adds and removes viewers and members."
    OWNER = "owner", "Also appoints admins, deletes the project and hands it over."


class Project(Model):
    """A project of a team."""

    __tablename__ = "projects"

    id: Mapped[UUID] = primary_key()
    name: Mapped[str] = short_text(1, 255, "Name of the project.")
    description: Mapped[str | None] = nullable_long_text(100_000, "Description of the project.")
    owner_id: Mapped[UUID] = creator_id("users.id", "Id of the owner.")
    status: Mapped[str] = choice_of(
        ProjectStatus, 50, "Whether the project is active; an archived project is read-only."
    )
    settings: Mapped[dict[str, object]] = json_object(64_000, "Settings that clients store with the project.")
    created_at: Mapped[datetime] = server_timestamp("When the project was created.")
    updated_at: Mapped[datetime] = server_timestamp("When the project was last changed.")
    version: Mapped[int] = row_version()


class Member(Model):
    """A member of a project."""

    __tablename__ = "project_members"

    project_id: Mapped[UUID] = parent_id("projects.id", "Id of the project.", is_primary_key=True)
    user_id: Mapped[UUID] = foreign_key(
        "users.id", "Id of the user.", is_primary_key=True, lookup=Lookup("email", "user_id_by_email")
    )
    role: Mapped[str] = choice_of(Role, 50, "Role of the user in the project.")
    joined_at: Mapped[datetime] = server_timestamp("When the user joined the project.")
    version: Mapped[int] = row_version()


def _caller_role_sql(project: str) -> str:
    membership = f"own.project_id = {project}.id and own.user_id = (select auth.uid())"
    return f"(select own.role from {Member.__tablename__} own where {membership})"


projects = Resource(
    Project,
    "project",
    "projects",
    foreign_relations={"owner": ForeignRelation(users, Project.owner_id, inverse="ownedProjects")},
    computed={
        "myRole": ComputedField(
            _caller_role_sql, Role, "Role of the caller; null for a system admin who is not a member."
        )
    },
    filters=(*filter_in("status"), filter_search("name", "description")),
    sorts=("createdAt", "updatedAt", "name", "status"),
    streams=(EventStream("project", Project.id),),
    constraint_messages={
        "project_name_is_not_blank": ConstraintMessage("name", "must not be empty"),
        "project_settings_are_an_object": ConstraintMessage("settings", "must be an object"),
        "archived_project_is_read_only": ConstraintMessage(
            "status", "An archived project is read-only", ForbiddenError
        ),
    },
)

members = Resource(
    Member,
    "member",
    "members",
    is_audited=True,
    parent=ForeignRelation(projects, Member.project_id),
    foreign_relations={
        "user": ForeignRelation(users, Member.user_id, inverse="memberships", many_to_many_inverse="projects")
    },
    filters=filter_in("role"),
    sorts=("joinedAt", "role"),
    default_sort="joinedAt",
    streams=(EventStream("project", Member.project_id), EventStream("user", Member.user_id)),
    propagates_from=("user",),
    grants_access_to=Member.user_id,
    # The owner changes only when the ownership is transferred: by an update of a member.
    forbidden_on_create={"role": (Role.OWNER.value,)},
    constraint_messages={
        "project_member_is_unique": ConstraintMessage.conflict("userId", "is already a member"),
        "project_members_user_id_fkey": ConstraintMessage("userId", "does not exist"),
        "project_owner_cannot_be_removed": ConstraintMessage.conflict(
            "role", "of the owner cannot be changed; transfer the ownership to another member first"
        ),
        "project_owner_cannot_be_demoted": ConstraintMessage.conflict(
            "role", "of the owner cannot be changed; transfer the ownership to another member first"
        ),
        "project_has_one_owner": ConstraintMessage.conflict(
            "role", "of owner was given to another member at the same time; try again"
        ),
    },
)

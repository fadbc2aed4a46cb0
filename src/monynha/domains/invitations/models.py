"""The `invitations` resource."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.core.errors import ForbiddenError
from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    email_via_view,
    nullable_foreign_key,
    parent_id,
    primary_key,
    row_version,
    server_timestamp,
)
from monynha.engine.schema.resource import ConstraintMessage, EventStream, ForeignRelation, Resource, filter_in


class InvitationRole(Choice):
    """The role that an invitation offers."""

    VIEWER = "viewer", "Sees the project and its tasks."
    MEMBER = "member", "Also creates, changes and deletes tasks."
    ADMIN = "admin", "Also changes the project, and adds and removes viewers and members. Offered by the owner only."


class InvitationStatus(Choice):
    """Where an invitation stands."""

    PENDING = "pending", "It can be accepted."
    ACCEPTED = "accepted", "The person is a member, or was one."
    DECLINED = "declined", "The person declined it."
    REVOKED = "revoked", "A manager revoked it, or removed the person from the project."
    EXPIRED = "expired", "Nobody accepted it in time; it can be sent again."


class Invitation(Model):
    """An invitation of an email address to a project."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = primary_key()
    project_id: Mapped[UUID] = parent_id("projects.id", "Id of the project.")
    email: Mapped[str | None] = email_via_view(
        "visible_invitation_emails", "Invited address; null to those who manage no members and are not invited by it."
    )
    role: Mapped[str] = choice_of(InvitationRole, 50, "Role that the person gets.")
    status: Mapped[str] = choice_of(InvitationStatus, 50, "Where the invitation stands.")
    invited_by_id: Mapped[UUID | None] = nullable_foreign_key(
        "Id of the manager who sent it last; null for the service key."
    )
    created_at: Mapped[datetime] = server_timestamp("When it was created.")
    expires_at: Mapped[datetime] = server_timestamp("Until when it can be accepted.")
    version: Mapped[int] = row_version()


invitations = Resource(
    Invitation,
    "invitation",
    "invitations",
    parent=ForeignRelation(projects, Invitation.project_id),
    foreign_relations={"invitedBy": ForeignRelation(users, Invitation.invited_by_id)},
    filters=filter_in("status", "role"),
    sorts=("createdAt", "expiresAt"),
    operations=frozenset({"list", "read"}),
    streams=(EventStream("project", Invitation.project_id),),
    constraint_messages={
        "invitee_is_a_member": ConstraintMessage.conflict("email", "is that of a member already"),
        "invitation_is_unique": ConstraintMessage.conflict(
            "email", "has an open invitation already; send that one again instead"
        ),
        "invitation_email_is_lower_case": ConstraintMessage("email", "must be a valid email address"),
        "invitation_role_is_known": ConstraintMessage("role", "must be one of viewer, member, admin"),
        "invitation_status_is_known": ConstraintMessage("status", "is not known"),
        "invitation_is_pending": ConstraintMessage.conflict("status", "of the invitation is not pending"),
        "project_member_is_unique": ConstraintMessage.conflict("email", "is that of a member already"),
        "archived_project_is_read_only": ConstraintMessage(
            "project", "The project is archived; nobody can join it", ForbiddenError
        ),
        "invitation_is_for_another_address": ConstraintMessage(
            "email",
            "The invitation is for another email address; sign in with the address that it was sent to",
            ForbiddenError,
        ),
        "inviter_can_add_members": ConstraintMessage(
            "invitedById",
            "Whoever invited you can no longer add members; ask for a new invitation",
            ForbiddenError,
        ),
    },
)

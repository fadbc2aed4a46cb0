"""The `users` resource: the profile that other users see."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Model,
    boolean_via_view,
    email_via_view,
    hidden_boolean,
    nullable_url,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import ConstraintMessage, EventStream, Resource

AVATAR_PATH = "/api/v1/avatars/[0-9a-f]{32}"
"""The pattern of the addresses of pictures on this server."""
_EMAIL_VIEW = "visible_emails"


class User(Model):
    """A user of the application."""

    __tablename__ = "users"

    id: Mapped[UUID] = primary_key()
    email: Mapped[str | None] = email_via_view(
        _EMAIL_VIEW, "Email address; null if the caller shares no project with the user."
    )
    name: Mapped[str] = short_text(1, 255, "Display name.", is_personal=True)
    avatar_url: Mapped[str | None] = nullable_url(
        500, "URL of the profile picture, or its path on this server.", own_path=AVATAR_PATH, is_personal=True
    )
    email_verified: Mapped[bool | None] = boolean_via_view(
        _EMAIL_VIEW, "Whether the email address is verified; null if the address is hidden."
    )
    created_at: Mapped[datetime] = server_timestamp("When the user signed up.")
    updated_at: Mapped[datetime] = server_timestamp("When the profile was last changed.")
    is_provisional: Mapped[bool] = hidden_boolean()
    version: Mapped[int] = row_version()


users = Resource(
    User,
    "user",
    "users",
    sorts=("createdAt", "updatedAt", "name"),
    operations=frozenset({"list", "read", "update", "delete"}),
    constraint_messages={
        "user_name_is_not_blank": ConstraintMessage("name", "must not be empty"),
        "last_admin_stays": ConstraintMessage.conflict("role", "of the last system admin cannot be taken away"),
        "shared_projects_prevent_user_deletion": ConstraintMessage.conflict("projects", "still have other members"),
    },
    is_private_stream=True,
    streams=(EventStream("user", User.id),),
    delete_options={"cascade": "Also delete projects of the user that have other members."},
    is_public=True,
    is_actor=True,
)

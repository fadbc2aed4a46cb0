"""The `people` resource: accounts as system admins see them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    nullable_server_text,
    nullable_server_timestamp,
    primary_key,
    row_version,
    server_text,
    server_timestamp,
)
from monynha.engine.schema.resource import ConstraintMessage, Filter, Resource, filter_in, filter_search


class SystemRole(Choice):
    """What a person may do in the whole system."""

    USER = "user", "Sees and changes what is shared with them."
    ADMIN = "admin", "May do all that an owner may, and manages people, jobs and the system."


class PersonStatus(Choice):
    """Whether a person can sign in."""

    ACTIVE = "active", "They can sign in."
    UNCONFIRMED = "unconfirmed", "Nobody has proven yet that the email address is theirs."
    BANNED = "banned", "They cannot sign in, and have no session."


class Person(Model):
    """A person with an account. Only system admins and the service key see people."""

    __tablename__ = "people"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    email: Mapped[str | None] = nullable_server_text(255, "Email address; null for an account without one.")
    name: Mapped[str] = server_text(255, "Display name.")
    role: Mapped[str] = choice_of(SystemRole, 20, "What the person may do in the whole system.")
    status: Mapped[str] = choice_of(PersonStatus, 20, "Whether the person can sign in.")
    invited_at: Mapped[datetime | None] = nullable_server_timestamp("When an admin invited them; null if none did.")
    email_confirmed_at: Mapped[datetime | None] = nullable_server_timestamp(
        "When the email address was confirmed; null before."
    )
    last_sign_in_at: Mapped[datetime | None] = nullable_server_timestamp("When they last signed in; null if never.")
    idle_since: Mapped[datetime] = server_timestamp("When they last signed in, or signed up if they never did.")
    created_at: Mapped[datetime] = server_timestamp("When the account was created.")
    updated_at: Mapped[datetime] = server_timestamp("When the account or the profile last changed.")
    version: Mapped[int] = row_version()


people = Resource(
    Person,
    "person",
    "people",
    filters=(
        *filter_in("role", "status"),
        Filter("noSignInSince", "lt", ("idleSince",)),
        filter_search("name", "email"),
    ),
    sorts=("createdAt", "name", "idleSince"),
    operations=frozenset({"list", "read"}),
    delete_options={"cascade": "Also delete projects of the person that have other members."},
    constraint_messages={
        "last_admin_stays": ConstraintMessage.conflict("role", "of the last system admin cannot be taken away"),
        "admin_is_confirmed": ConstraintMessage.conflict("status", "of a system admin must be confirmed first"),
        "admins_cannot_ban_themselves": ConstraintMessage.conflict("id", "is your own; another admin has to ban you"),
        "shared_projects_prevent_user_deletion": ConstraintMessage.conflict("projects", "still have other members"),
    },
    is_admin_only=True,
)

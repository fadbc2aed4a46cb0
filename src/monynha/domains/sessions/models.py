"""The `sessions` resource: where an account is signed in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    nullable_long_text,
    primary_key,
    row_version,
    server_boolean,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import Resource


class AssuranceLevel(Choice):
    """How surely the user of a session is who they say."""

    AAL1 = "aal1", "By one factor, as a password."
    AAL2 = "aal2", "By a second factor too."
    AAL3 = "aal3", "By hardware; not in use yet."


class SessionRow(Model):
    """A session of the caller: a device on which they are signed in."""

    __tablename__ = "sessions"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    device: Mapped[str] = short_text(
        1, 100, "Browser and system, as `Firefox on Linux`, or the name of an application that acts for the user."
    )
    ip: Mapped[str | None] = nullable_long_text(100, "IP address at the last sign-in or refresh.")
    aal: Mapped[str] = choice_of(AssuranceLevel, 10, "How surely the user is who they say (NIST SP 800-63B).")
    created_at: Mapped[datetime] = server_timestamp("When the user signed in.")
    last_used_at: Mapped[datetime] = server_timestamp("When it was used, to within 15 minutes.")
    is_current: Mapped[bool] = server_boolean("Whether it is the session of this request.")
    version: Mapped[int] = row_version()


sessions = Resource(
    SessionRow,
    "session",
    "sessions",
    sorts=("createdAt", "lastUsedAt"),
    operations=frozenset({"list", "read", "delete"}),
)

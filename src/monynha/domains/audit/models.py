"""The `audit` resource: the audit log as system admins see it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    json_object,
    nullable_foreign_key,
    nullable_long_text,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import Filter, Resource, filter_in


class ActorRole(Choice):
    """By which credentials the actor of an audit event acted."""

    AUTHENTICATED = "authenticated", "A signed-in user."
    ANON = "anon", "Nobody was signed in."
    SERVICE_ROLE = "service_role", "A holder of the service key."
    SYSTEM = "system", "The program itself, or somebody at its command line."


class AuditEvent(Model):
    """Something that matters for security: a sign-in or a failed one, a changed account, a changed right.

    Only system admins and the service key see the audit log, and nobody changes it.
    """

    __tablename__ = "audit_events"
    __table_args__ = {"info": {"is_view": True}}  # noqa: RUF012  # SQLAlchemy reads a dictionary here

    id: Mapped[UUID] = primary_key()
    action: Mapped[str] = short_text(1, 100, "What happened, as `session.created` or `sign_in.failed`.")
    actor_id: Mapped[UUID | None] = nullable_foreign_key(
        "Id of the user who did it; null if nobody was signed in. The account may be deleted since."
    )
    actor_role: Mapped[str] = choice_of(ActorRole, 20, "By which credentials the actor acted.")
    target_type: Mapped[str | None] = nullable_long_text(100, "What kind of thing it was done to, as `user`.")
    target_id: Mapped[str | None] = nullable_long_text(800, "Id of what it was done to.")
    details: Mapped[dict[str, object]] = json_object(8_000, "What else is known, as the former and the new role.")
    ip: Mapped[str | None] = nullable_long_text(200, "Client IP of the request; null for the program itself.")
    user_agent: Mapped[str | None] = nullable_long_text(2_000, "User agent of the request.")
    request_id: Mapped[str | None] = nullable_long_text(800, "Id of the request, as in the log.")
    created_at: Mapped[datetime] = server_timestamp("When it happened.")
    version: Mapped[int] = row_version()


audit = Resource(
    AuditEvent,
    "auditEvent",
    "audit",
    filters=(
        *filter_in("action", "actorId", "actorRole", "targetType", "targetId", "ip", "requestId"),
        Filter("since", "gte", ("createdAt",)),
        Filter("until", "lt", ("createdAt",)),
    ),
    sorts=("createdAt",),
    operations=frozenset({"list", "read"}),
    is_admin_only=True,
)

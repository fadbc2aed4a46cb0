"""The `notifications` resource."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    json_object,
    nullable_long_text,
    nullable_server_timestamp,
    parent_id,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import EventStream, Filter, ForeignRelation, Resource, filter_in


class NotificationType(Choice):
    """What caused a notification."""

    ASSIGNED = "assigned", "The recipient was assigned to a task."
    MENTIONED = "mentioned", "The recipient was mentioned in a task."
    ADDED = "added", "The recipient was added to a project."
    DUE = "due", "A task of the recipient is due."
    EXPORTED = "exported", "The export of the recipient's data is ready."
    INVITED = "invited", "The recipient was invited to a project; `data` has the `invitationId` to accept."


class Notification(Model):
    """A notification of a user."""

    __tablename__ = "notifications"

    id: Mapped[UUID] = primary_key()
    user_id: Mapped[UUID] = parent_id("users.id", "Id of the recipient.")
    type: Mapped[str] = choice_of(NotificationType, 50, "What caused the notification.")
    title: Mapped[str] = short_text(1, 500, "Title of the task or name of the project that it is about.")
    body: Mapped[str | None] = nullable_long_text(10_000, "What happened, as a sentence.")
    data: Mapped[dict[str, object]] = json_object(10_000, "Ids of the rows that it is about.")
    read_at: Mapped[datetime | None] = nullable_server_timestamp("When it was marked as read; null if unread.")
    created_at: Mapped[datetime] = server_timestamp("When it was created.")
    version: Mapped[int] = row_version()


notifications = Resource(
    Notification,
    "notification",
    "notifications",
    foreign_relations={"user": ForeignRelation(users, Notification.user_id)},
    filters=(Filter("unread", "is_null", ("readAt",)), *filter_in("type")),
    sorts=("createdAt",),
    operations=frozenset({"list", "read"}),
    streams=(EventStream("user", Notification.user_id),),
)

"""Notifications, as the API knows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.users import users
from monynha.engine.model import (
    Model,
    belongs_to,
    choice,
    instant,
    json_object,
    key,
    maybe_past,
    maybe_prose,
    text,
    version,
)
from monynha.engine.resource import Filter, Link, Resource, Told, equal


class NotificationType(StrEnum):
    """What it tells of."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"
    ADDED = "added"
    DUE = "due"


class Notification(Model):
    """Something that a person should know."""

    __tablename__ = "notifications"

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = belongs_to("users.id", "Whom it tells.")
    type: Mapped[str] = choice(NotificationType, 50, "What it tells of.")
    title: Mapped[str] = text(1, 500, "The name of what it is about.")
    body: Mapped[str | None] = maybe_prose(10_000, "What happened.")
    data: Mapped[dict[str, object]] = json_object(10_000, "The ids of what it is about.")
    read_at: Mapped[datetime | None] = maybe_past("When it was read.")
    created_at: Mapped[datetime] = instant("When it was made.")
    version: Mapped[int] = version()


notifications = Resource(
    Notification,
    "notification",
    "notifications",
    links={"user": Link(users, Notification.user_id)},
    filters=(Filter("unread", "missing", ("readAt",)), *equal("type")),
    sorts=("createdAt",),
    verbs=frozenset({"list", "read"}),
    told_to=(Told("user", Notification.user_id),),
)

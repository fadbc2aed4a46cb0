"""People, as the API knows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.model import Model, address, flag_seen_through, instant, key, maybe_url, text, version
from monynha.engine.resource import Resource, Rule, Told

_ADDRESSES = "visible_addresses"


class User(Model):
    """A person with an account."""

    __tablename__ = "users"

    id: Mapped[UUID] = key()
    email: Mapped[str | None] = address(_ADDRESSES, "The mail address; null to those who share no project.")
    name: Mapped[str] = text(1, 255, "The name, as others see it.", is_personal=True)
    avatar_url: Mapped[str | None] = maybe_url(500, "Where a picture of the person is.", is_personal=True)
    email_verified: Mapped[bool | None] = flag_seen_through(
        _ADDRESSES, "Whether the address is confirmed; null where the address is."
    )
    created_at: Mapped[datetime] = instant("When they signed up.")
    updated_at: Mapped[datetime] = instant("When the profile changed last.")
    version: Mapped[int] = version()


users = Resource(
    User,
    "user",
    "users",
    sorts=("createdAt", "updatedAt", "name"),
    verbs=frozenset({"list", "read", "update", "delete"}),
    rules={
        "a person has a name": Rule("name", "must not be empty"),
        "shared projects outlive their owner": Rule.conflict("projects", "still have other members"),
    },
    hears_alone=True,
    told_to=(Told("user", User.id),),
    switches={"cascade": "Delete the projects that others are members of too."},
    is_public=True,
    is_actor=True,
)

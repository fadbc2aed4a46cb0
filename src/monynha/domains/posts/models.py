"""Posts, as the API knows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.users import users
from monynha.engine.model import Model, instant, key, made_by, prose, text, version
from monynha.engine.resource import Filter, Link, Resource, Rule, Told


class Post(Model):
    """Something a person tells everybody."""

    __tablename__ = "posts"

    id: Mapped[UUID] = key()
    title: Mapped[str] = text(1, 255, "The title.")
    content: Mapped[str] = prose(100_000, "The text.")
    author_id: Mapped[UUID] = made_by("users.id", "Who wrote it.")
    created_at: Mapped[datetime] = instant("When it was written.")
    updated_at: Mapped[datetime] = instant("When it changed last.")
    version: Mapped[int] = version()


posts = Resource(
    Post,
    "post",
    "posts",
    links={"author": Link(users, Post.author_id, inverse="posts", is_listed=True)},
    filters=(Filter("userId", "equal", ("authorId",)),),
    sorts=("createdAt", "updatedAt", "title"),
    rules={"a post has a title": Rule("title", "must not be empty")},
    told_to=(Told("everybody"),),
    is_public=True,
)

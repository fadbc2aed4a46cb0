"""The `posts` resource."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Model,
    creator_id,
    long_text,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import ConstraintMessage, EventStream, Filter, ForeignRelation, Resource


class Post(Model):
    """A post, readable by every signed-in user."""

    __tablename__ = "posts"

    id: Mapped[UUID] = primary_key()
    title: Mapped[str] = short_text(1, 255, "Title of the post.")
    content: Mapped[str] = long_text(100_000, "Text of the post.")
    author_id: Mapped[UUID] = creator_id("users.id", "Id of the author.")
    created_at: Mapped[datetime] = server_timestamp("When the post was created.")
    updated_at: Mapped[datetime] = server_timestamp("When the post was last changed.")
    version: Mapped[int] = row_version()


posts = Resource(
    Post,
    "post",
    "posts",
    foreign_relations={"author": ForeignRelation(users, Post.author_id, inverse="posts", has_list_route=True)},
    filters=(Filter("userId", "in", ("authorId",)),),
    sorts=("createdAt", "updatedAt", "title"),
    constraint_messages={"post_title_is_not_blank": ConstraintMessage("title", "must not be empty")},
    streams=(EventStream("everybody"),),
    is_public=True,
)

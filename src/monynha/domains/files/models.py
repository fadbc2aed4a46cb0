"""The `files` resource."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.tasks import tasks
from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    nullable_foreign_key,
    nullable_long_text,
    nullable_server_integer,
    nullable_server_json,
    parent_id,
    primary_key,
    row_version,
    server_integer,
    server_timestamp,
    short_text,
)
from monynha.engine.schema.resource import (
    ConstraintMessage,
    EventStream,
    ForeignRelation,
    Resource,
    filter_in,
    filter_search,
)

BUCKET = "project-files"
"""The bucket of storage whose objects are files."""


class FileStatus(Choice):
    """Whether a file can be used as it will stay."""

    PROCESSING = "processing", "An image whose main picture and thumbnails are being made."
    READY = "ready", "It can be used."
    FAILED = "failed", "An image that could not be processed; `error` says why. It can be downloaded as it was sent."


class File(Model):
    """A file of a project."""

    __tablename__ = "files"

    id: Mapped[UUID] = primary_key()
    project_id: Mapped[UUID] = parent_id("projects.id", "Id of the project.")
    task_id: Mapped[UUID | None] = nullable_foreign_key("Id of the task that it belongs to; null if it has none.")
    user_id: Mapped[UUID | None] = nullable_foreign_key("Id of its uploader; null once the account is deleted.")
    name: Mapped[str] = short_text(1, 255, "Name of the file.")
    path: Mapped[str] = short_text(1, 1024, "Path in the bucket `project-files` of storage.")
    content_type: Mapped[str] = short_text(1, 255, "Media type, recognized from the content.")
    size: Mapped[int] = server_integer("Size in bytes.")
    width: Mapped[int | None] = nullable_server_integer("Width of an image in pixels; null before it is processed.")
    height: Mapped[int | None] = nullable_server_integer("Height of an image in pixels; null before it is processed.")
    placeholder: Mapped[dict[str, object] | None] = nullable_server_json(
        "What to show until an image is loaded: a dominant `color` as #rrggbb, and a `blurHash`.",
        max_bytes=200,
    )
    status: Mapped[str] = choice_of(FileStatus, 50, "Whether it is being processed, ready or failed.")
    error: Mapped[str | None] = nullable_long_text(2000, "Why an image could not be processed.")
    created_at: Mapped[datetime] = server_timestamp("When it was uploaded.")
    updated_at: Mapped[datetime] = server_timestamp("When it was last changed.")
    version: Mapped[int] = row_version()


files = Resource(
    File,
    "file",
    "files",
    parent=ForeignRelation(projects, File.project_id),
    foreign_relations={
        "task": ForeignRelation(tasks, File.task_id, inverse="files"),
        "user": ForeignRelation(users, File.user_id),
    },
    filters=(*filter_in("taskId", "userId", "status", "contentType"), filter_search("name")),
    streams=(EventStream("project", File.project_id),),
    sorts=("createdAt", "updatedAt", "name", "size"),
    operations=frozenset({"list", "read", "delete"}),
    constraint_messages={"file_status_is_known": ConstraintMessage("status", "must be a status of files")},
)

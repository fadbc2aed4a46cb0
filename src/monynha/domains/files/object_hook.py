"""Writes the file of an object: for every way in, in the transaction that writes the object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import ValidationFailedError
from monynha.core.serialization import parse_uuid
from monynha.domains.files.errors import QuotaExceededError
from monynha.domains.files.file_names import display_name
from monynha.domains.files.media_types import IMAGE_TYPES, MediaTypeRules, sniff_media_type
from monynha.domains.files.models import BUCKET
from monynha.domains.storage.objects import NewObject, StoredObject
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

NAME_KEY = "name"
TASK_KEY = "taskId"
"""What an uploader may say in the object's own metadata: the name to display, and the task it belongs to."""
_GIGABYTE = 1024**3
_NOT_A_TASK = "must be a task of the project"
_FILE_USAGE = "select monynha.file_usage($1)"
_EXPECTED_USAGE = "select monynha.expected_file_usage($1)"
_RECORD_FILE = "select monynha.record_file($1, $2, $3, $4)"
_MOVE_FILE = "select monynha.move_file($1, $2)"


@dataclass(frozen=True)
class Quotas:
    """How many bytes the files of a project, and of a user, may have."""

    project_bytes: int
    user_bytes: int

    def check(self, usage: bytes | None, added_bytes: int = 0) -> None:
        """Raise QuotaExceededError if the usage, as `monynha.file_usage` returns it, leaves no room."""
        values: dict[str, int] = orjson.loads(usage or b"{}")
        if values.get("projectBytes", 0) + added_bytes > self.project_bytes:
            raise QuotaExceededError(f"The files of a project may have at most {_format_size(self.project_bytes)}.")
        if values.get("userBytes", 0) + added_bytes > self.user_bytes:
            raise QuotaExceededError(f"The files of a user may have at most {_format_size(self.user_bytes)}.")


@dataclass(frozen=True)
class FileObjectHook:
    """The hook of the bucket of files (`storage.hooks.ObjectHook`)."""

    quotas: Quotas
    media_types: MediaTypeRules

    @property
    def bucket_id(self) -> str:
        """The bucket of files."""
        return BUCKET

    def content_type(self, declared: str, head: bytes) -> str:
        """Return the media type by the content; UnsupportedMediaTypeError for one that is refused."""
        content_type = sniff_media_type(declared, head)
        self.media_types.check(content_type)
        return content_type

    def copied_metadata(self, metadata: Mapping[str, object]) -> Mapping[str, object]:
        """Return the metadata without the task, which may be of another project than the copy, or deleted by now."""
        return {name: value for name, value in metadata.items() if name != TASK_KEY}

    async def before_upload(self, transaction: Transaction, actor: Actor, upload: NewObject) -> None:
        """Raise QuotaExceededError before a body is received that has no room, beside the uploads that were begun."""
        project_id = parse_uuid(upload.name.partition("/")[0])
        self.quotas.check(await transaction.fetch_json(_EXPECTED_USAGE, project_id), upload.size or 0)

    async def on_created(
        self, transaction: Transaction, actor: Actor, object: StoredObject, replaced: StoredObject | None
    ) -> None:
        """Write the file and enqueue its processing; ValidationFailedError, QuotaExceededError."""
        metadata = object.row["user_metadata"] or {}
        given_name = metadata.get(NAME_KEY)
        name = display_name(given_name if isinstance(given_name, str) else object.name)
        is_image = object.content_type in IMAGE_TYPES
        try:
            usage = await transaction.fetch_json(
                _RECORD_FILE, UUID(object.row["id"]), name, _parse_task_id(metadata), is_image
            )
        except ConstraintViolationError as violation:
            if violation.constraint == "files_task_id_fkey":
                raise ValidationFailedError.from_field_errors({TASK_KEY: _NOT_A_TASK}) from None
            raise
        # Its own bytes are counted already, and the counts stay locked until the commit: of racing uploads, the one
        # that goes too far is rolled back.
        self.quotas.check(usage)

    async def on_moved(
        self, transaction: Transaction, actor: Actor, object: StoredObject, previous: StoredObject
    ) -> None:
        """Move the file along; a new file name is also the one that is displayed."""
        base_name = object.name.rpartition("/")[2]
        is_renamed = base_name != previous.name.rpartition("/")[2]
        name = display_name(base_name) if is_renamed else None
        await transaction.fetch_value(_MOVE_FILE, UUID(object.row["id"]), name)
        self.quotas.check(await transaction.fetch_json(_FILE_USAGE, parse_uuid(object.name.partition("/")[0])))

    async def on_removed(self, transaction: Transaction, actor: Actor, objects: Sequence[StoredObject]) -> None:
        """Do nothing: the database deletes the file of a deleted object."""


def _parse_task_id(metadata: Mapping[str, object]) -> UUID | None:
    text = metadata.get(TASK_KEY)
    if text is None:
        return None
    task_id = parse_uuid(text) if isinstance(text, str) else None
    if task_id is None:
        raise ValidationFailedError.from_field_errors({TASK_KEY: _NOT_A_TASK})
    return task_id


def _format_size(size: int) -> str:
    return f"{size / _GIGABYTE:g} GB" if size >= _GIGABYTE else f"{size / 1024**2:g} MB"

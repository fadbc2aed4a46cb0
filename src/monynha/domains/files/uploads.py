"""Uploads of files by `/api/v1`: the caller's rights in a project, and a path of its own for each file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import (
    AppError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from monynha.domains.files.file_names import path_name
from monynha.domains.files.models import BUCKET
from monynha.domains.storage.errors import (
    AccessDeniedError,
    EntityTooLargeError,
    InvalidMimeTypeError,
    ObjectExistsAlreadyError,
    StorageError,
)
from monynha.domains.storage.uploads import UploadService, UploadSource, UploadTarget
from monynha.infra.postgres.database import ActorConnection, guard_query

_NOBODY = "service"
"""The folder of what the service key uploads, which is no user."""
_RIGHTS = guard_query(
    """
select json_build_object(
  'isVisible', exists (select from public.projects p where p.id = $4),
  'isEditable', $4 = any (array(select public.editable_project_ids()))
    or (select auth.is_admin()) and exists (select from public.projects p where p.id = $4 and p.status = 'active')
)
"""
)


@dataclass(frozen=True)
class FileUploads:
    """Receives files."""

    uploads: UploadService
    new_token: Callable[[], str]
    """Returns what makes a path unique."""

    async def require_rights(self, connection: ActorConnection, project_id: UUID) -> None:
        """Raise NotFoundError or ForbiddenError if the actor may not upload files to the project."""
        rights = orjson.loads(await connection.fetch_json(_RIGHTS, (project_id,), is_light=True) or b"{}")
        if not rights["isVisible"]:
            await connection.explain_absence((project_id,))
            raise NotFoundError.for_name("project")
        if not rights["isEditable"]:
            raise ForbiddenError()

    async def receive(self, actor: Actor, project_id: UUID, name: str, source: UploadSource) -> UUID:
        """Receive a file and return its id; raise what `require_rights` and the hook of files raise.

        `name` becomes part of the path; the source's metadata has the name to display, and the task.
        """
        folder = str(actor.id) if actor.id is not None else _NOBODY
        target = UploadTarget(BUCKET, f"{project_id}/{folder}/{path_name(name, self.new_token())}")
        try:
            result = await self.uploads.upload(actor, target, source)
        except StorageError as error:
            raise self._translate(error) from error
        return UUID(result.object_id)

    def _translate(self, error: StorageError) -> AppError:
        match error:
            case AccessDeniedError():
                return ForbiddenError()
            case EntityTooLargeError():
                limit = self.uploads.max_bytes // 1024**2
                return PayloadTooLargeError(
                    f"A file may have at most {limit} MB.", details={"file": f"must have at most {limit} MB"}
                )
            case InvalidMimeTypeError():
                return UnsupportedMediaTypeError("Files of this type are not accepted.")
            case ObjectExistsAlreadyError():
                return ConflictError()
            case _:
                return BadRequestError(error.message)

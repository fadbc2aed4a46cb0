"""What is sent of a file: its body, or a thumbnail of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.core.errors import NotFoundError
from monynha.domains.files.file_names import content_disposition, download_name
from monynha.domains.files.media_types import IMAGE_TYPES, is_shown_inline
from monynha.domains.files.models import FileStatus, files
from monynha.domains.files.processing import thumbnail_key
from monynha.domains.storage.objects import OBJECT_JSON, StoredObject
from monynha.infra.images.operations import THUMBNAIL_SIZES
from monynha.infra.postgres.database import ActorConnection, guard_query
from monynha.infra.storage import ObjectMissingError, ObjectStore

_FIND = guard_query(
    f"""
select json_build_object('name', f.name, 'status', f.status, 'object', {OBJECT_JSON})
from public.files f join storage.objects o on o.id = f.id where f.id = $4
"""
)


@dataclass(frozen=True)
class StoredFile:
    """A file that the caller may read, and the object with its body."""

    name: str
    status: str
    object: StoredObject

    @property
    def is_shown_inline(self) -> bool:
        """Whether browsers may show it in the origin of this site: no image that could not be decoded."""
        if self.object.content_type in IMAGE_TYPES and self.status == FileStatus.FAILED:
            return False
        return is_shown_inline(self.object.content_type)

    def content_disposition(self, *, is_download: bool) -> str:
        """Return how browsers handle the body, and the name under which they save it."""
        name = download_name(self.name, self.object.content_type)
        return content_disposition(name, is_attachment=is_download or not self.is_shown_inline)


@dataclass(frozen=True)
class FileDownloads:
    """Finds files and reads thumbnails."""

    store: ObjectStore

    async def find(self, connection: ActorConnection, file_id: UUID) -> StoredFile:
        """Return a file; NotFoundError if there is none that the actor may see."""
        text = await connection.fetch_json(_FIND, (file_id,), is_light=True)
        if text is None:
            await connection.explain_absence((file_id,))
            raise NotFoundError.for_name(files.singular)
        values = orjson.loads(text)
        return StoredFile(values["name"], values["status"], StoredObject(values["object"]))

    async def read_thumbnail(self, file: StoredFile, side: str) -> bytes:
        """Return a thumbnail as WebP; NotFoundError for another size, and for a file without thumbnails."""
        if file.status != FileStatus.READY or side not in map(str, THUMBNAIL_SIZES):
            raise NotFoundError("Thumbnail not found.")
        try:
            return await self.store.read(thumbnail_key(file.object.version, int(side)))
        except ObjectMissingError:
            raise NotFoundError("Thumbnail not found.") from None

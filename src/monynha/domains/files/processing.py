"""The jobs that process images: main picture, thumbnails and placeholder.

They run as the system actor `file-processing`: the upload was authorized, and its file must become ready or failed even
if the uploader leaves the project meanwhile. What an attempt makes is stored under a version of its own and becomes the
file's in one statement, which refuses if the file has another body by then: so attempts may repeat and overlap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.core.clock import Clock
from monynha.domains.storage.bodies import BodyCollector, body_key, new_version, renderings_folder
from monynha.domains.storage.objects import NewObject
from monynha.infra.images import ImagePool, ImageProcessError, ImageRefusedError, RenderedImage
from monynha.infra.postgres.database import Database
from monynha.infra.queue.enqueue import DEFAULT_MAX_ATTEMPTS
from monynha.infra.queue.job import Job, JobHandler, Json, TemporaryJobError
from monynha.infra.storage import ObjectExistsError, ObjectMissingError, ObjectStore

QUEUE = "file-processing"
OPTIMIZE = "optimize"
THUMBNAILS = "thumbnails"
_ACTOR = system_actor(QUEUE)
_TIMEOUT_S = 900.0
"""Longer than the limit of one image, since images wait for each other."""
_MAX_IMAGE_BYTES = 200 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_TOO_LARGE = "The image is larger than 200 MB."
_FILE_TO_PROCESS = "select monynha.file_to_process($1)"
_FINISH_FILE = "select monynha.finish_file($1, $2, $3::text::json, $4, $5::text::json, $6)"
_FAIL_ABANDONED = "select monynha.fail_abandoned_files($1)"


@dataclass(frozen=True)
class FileProcessingPayload:
    """What a job is about; without `optimize` the body stays, without `thumbnails` there are none."""

    file_id: UUID
    operations: tuple[str, ...] = (OPTIMIZE, THUMBNAILS)


@dataclass(frozen=True)
class _Body:
    """The body that is processed."""

    file_id: UUID
    version: str
    size: int


def thumbnail_key(version: str, side: int) -> str:
    """Return the key of a thumbnail in the object store; it is deleted with the body of the version."""
    return f"{renderings_folder(version)}thumbnail-{side}.webp"


@dataclass(frozen=True)
class FileProcessor:
    """Processes the images among the files."""

    database: Database
    store: ObjectStore
    collector: BodyCollector
    images: ImagePool
    clock: Clock
    keeps_originals: bool = False

    @property
    def job_handler(self) -> JobHandler[FileProcessingPayload]:
        """How the jobs of the queue are done."""
        return JobHandler(QUEUE, FileProcessingPayload, self.process, timeout_s=_TIMEOUT_S)

    async def process(self, job: Job[FileProcessingPayload]) -> Json:
        """Process a file; it is ready or failed then, unless another attempt may succeed."""
        body = await self._find(job.payload.file_id)
        if body is None:
            return {"status": "skipped"}
        try:
            return await self._process(body, job.payload.operations)
        except ObjectMissingError:
            # The body was replaced or deleted meanwhile; a new one has a job of its own.
            return {"status": "skipped"}
        except ImageRefusedError as refusal:
            return await self._fail(body, str(refusal))
        except ImageProcessError as error:
            if job.attempt < DEFAULT_MAX_ATTEMPTS:
                raise TemporaryJobError(str(error)) from error
            return await self._fail(body, str(error))

    async def fail_abandoned(self, unchanged_since: datetime) -> int:
        """Let those files fail whose job is dead, because workers were killed; return how many."""
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            return int(str(await transaction.fetch_value(_FAIL_ABANDONED, unchanged_since)))

    async def _find(self, file_id: UUID) -> _Body | None:
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            text = await transaction.fetch_json(_FILE_TO_PROCESS, file_id)
        values = orjson.loads(text or b"null")
        return None if values is None else _Body(file_id, values["version"], values["size"])

    async def _process(self, body: _Body, operations: tuple[str, ...]) -> Json:
        if body.size > _MAX_IMAGE_BYTES:
            raise ImageRefusedError(_TOO_LARGE)
        with TemporaryDirectory(prefix="monynha-image-") as name:
            folder = Path(name)
            await self._download(body, folder / "source")
            rendered = await self.images.render(folder / "source", folder)
            version = new_version(self.clock()) if OPTIMIZE in operations else body.version
            await self._store(folder, rendered, body, version, has_thumbnails=THUMBNAILS in operations)
        return await self._finish(body, rendered, version)

    async def _download(self, body: _Body, target: Path) -> None:
        with target.open("wb") as file:
            async for chunk in self.store.stream(body_key(body.version), 0, body.size):
                await asyncio.to_thread(file.write, chunk)

    async def _store(
        self, folder: Path, rendered: RenderedImage, body: _Body, version: str, *, has_thumbnails: bool
    ) -> None:
        # The body first: a sweep that finds it deletes the thumbnails with it.
        if version != body.version:
            await self.store.put(body_key(version), _read_file(folder / "main"))
        for side in rendered.thumbnails if has_thumbnails else ():
            try:
                await self.store.put(
                    thumbnail_key(version, side), await asyncio.to_thread((folder / str(side)).read_bytes)
                )
            except ObjectExistsError:
                continue  # by an attempt that did not end

    async def _finish(self, body: _Body, rendered: RenderedImage, version: str) -> Json:
        main = rendered.main
        placeholder = {"color": rendered.placeholder.color, "blurHash": rendered.placeholder.blur_hash}
        outcome = {"status": "ready", "width": main.width, "height": main.height, "placeholder": placeholder}
        is_changed = version != body.version
        metadata = None
        if is_changed:
            upload = NewObject("", "", version, main.content_type, size=main.size, modified_at=self.clock())
            metadata = {name: value for name, value in orjson.loads(upload.metadata).items() if name != "cacheControl"}
        if await self._record(body, outcome, version if is_changed else None, metadata):
            self.collector.request()
            return {"status": "ready", **asdict(main)}
        if is_changed:
            await self.collector.delete((version,))
        return {"status": "skipped"}

    async def _fail(self, body: _Body, problem: str) -> Json:
        await self._record(body, {"status": "failed", "error": problem}, None, None)
        return {"status": "failed", "error": problem}

    async def _record(
        self, body: _Body, outcome: dict[str, object], version: str | None, metadata: dict[str, object] | None
    ) -> bool:
        """Record the outcome; False if the file has another body by now."""
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            is_recorded = await transaction.fetch_value(
                _FINISH_FILE,
                body.file_id,
                body.version,
                orjson.dumps(outcome).decode(),
                version,
                None if metadata is None else orjson.dumps(metadata).decode(),
                self.keeps_originals,
            )
        return is_recorded is True


async def _read_file(path: Path) -> AsyncGenerator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk

"""Uploads: rights first, then the body, then the row.

A small body is read before anything else and costs one statement, in which rights, limits and the row are decided
together. A larger one is checked by an insert that is rolled back, then streamed to the store under a new version, and
becomes an object when its row is written, with the rights of then.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from monynha.core.actor import Actor
from monynha.core.clock import Clock
from monynha.domains.storage.bodies import BodyCollector, body_key, new_version
from monynha.domains.storage.errors import EntityTooLargeError
from monynha.domains.storage.names import DEFAULT_CACHE_CONTROL, DEFAULT_CONTENT_TYPE
from monynha.domains.storage.object_repository import ObjectRepository
from monynha.domains.storage.objects import NewObject
from monynha.infra.storage import ObjectStore

SMALL_BODY_BYTES = 256 * 1024
HEAD_BYTES = 4096
"""How much of a body tells its type."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where an upload goes, and whether it may replace an object there."""

    bucket_id: str
    name: str
    is_upsert: bool = False


class UploadSource(Protocol):
    """A body, and what its client says of it, which is complete when the body has been read."""

    @property
    def declared_size(self) -> int | None:
        """The size of the request's body, which may exceed the object's; None if it is not declared."""

    @property
    def is_size_exact(self) -> bool:
        """Whether the declared size is that of the object."""

    @property
    def content_type(self) -> str | None:
        """The media type, None if it is not declared (yet)."""

    @property
    def cache_control(self) -> str | None:
        """The value of Cache-Control, None if it is not declared."""

    @property
    def user_metadata(self) -> Mapping[str, object] | None:
        """What the client wants to keep with the object."""

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body."""


@dataclass(frozen=True, slots=True)
class UploadResult:
    """The id and the version of the object that was written."""

    object_id: str
    version: str


@dataclass(frozen=True)
class UploadService:
    """Receives bodies and writes their objects."""

    objects: ObjectRepository
    store: ObjectStore
    collector: BodyCollector
    clock: Clock
    max_bytes: int

    async def upload(self, actor: Actor, target: UploadTarget, source: UploadSource) -> UploadResult:
        """Receive a body and write its object.

        Raises AccessDeniedError, BucketNotFoundError, ObjectExistsAlreadyError, EntityTooLargeError,
        InvalidMimeTypeError, and what the source and the hook of the bucket raise.
        """
        version = new_version(self.clock())
        max_bytes, is_checked = self.max_bytes, False
        if source.declared_size is not None and source.declared_size > SMALL_BODY_BYTES:
            max_bytes, is_checked = await self._check(actor, target, source, version), True
        chunks = source.chunks()
        start, is_complete = await _read_start(chunks)
        if not is_complete and not is_checked:
            max_bytes = await self._check(actor, target, source, version)
        key = body_key(version)
        if len(start) > max_bytes:
            raise EntityTooLargeError()
        size = await self.store.put(key, start if is_complete else _limited(start, chunks, max_bytes))
        try:
            upload = self._new_object(target, source, version, size=size, head=start[:HEAD_BYTES])
            object_id = await self.objects.insert(actor, upload, is_upsert=target.is_upsert)
        except BaseException:
            await self.collector.discard_unused(version)
            raise
        if target.is_upsert:
            self.collector.request()
        return UploadResult(object_id, version)

    async def check(self, actor: Actor, target: UploadTarget, *, size: int | None, content_type: str | None) -> int:
        """Raise what an upload would raise now; return how many bytes the body may have."""
        upload = NewObject(target.bucket_id, target.name, new_version(self.clock()), content_type, size=size)
        if size is not None and size > self.max_bytes:
            raise EntityTooLargeError()
        settings = await self.objects.check_upload(actor, upload, is_upsert=target.is_upsert)
        return min(self.max_bytes, settings.file_size_limit or self.max_bytes)

    async def _check(self, actor: Actor, target: UploadTarget, source: UploadSource, version: str) -> int:
        size = source.declared_size if source.is_size_exact else None
        return await self.check(actor, target, size=size, content_type=source.content_type)

    def _new_object(
        self, target: UploadTarget, source: UploadSource, version: str, *, size: int, head: bytes
    ) -> NewObject:
        upload = NewObject(
            target.bucket_id,
            target.name,
            version,
            source.content_type or DEFAULT_CONTENT_TYPE,
            source.cache_control or DEFAULT_CACHE_CONTROL,
            size=size,
            user_metadata=source.user_metadata,
            modified_at=self.clock(),
            head=head,
        )
        return self.with_sniffed_type(upload)

    def with_sniffed_type(self, upload: NewObject) -> NewObject:
        """Return the upload with the media type that the hook of its bucket decides."""
        hook = self.objects.hook_of(upload.bucket_id)
        if hook is None:
            return upload
        return replace(upload, content_type=hook.content_type(upload.content_type or "", upload.head))


async def _read_start(chunks: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Return the start of a body, and whether that is all of it."""
    start = bytearray()
    async for chunk in chunks:
        if not start and len(chunk) > SMALL_BODY_BYTES:
            return chunk, False
        start += chunk
        if len(start) > SMALL_BODY_BYTES:
            return bytes(start), False
    return bytes(start), True


async def _limited(start: bytes, chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncGenerator[bytes]:
    """Yield a body; raise EntityTooLargeError where it exceeds the limit."""
    size = len(start)
    yield start
    async for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise EntityTooLargeError()
        yield chunk

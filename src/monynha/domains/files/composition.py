"""Composition of files: builds all services on those of storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from monynha.core.settings.settings import Settings
from monynha.domains.files.avatars import Avatars
from monynha.domains.files.downloads import FileDownloads
from monynha.domains.files.media_types import MediaTypeRules
from monynha.domains.files.object_hook import FileObjectHook, Quotas
from monynha.domains.files.processing import FileProcessor
from monynha.domains.files.uploads import FileUploads
from monynha.domains.storage.composition import StorageServices
from monynha.infra.images import ImageLimits, ImagePool, ImagePoolOptions
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.stream_version import StreamVersion

_MEGABYTE = 1024**2
_DISCARDED_BODIES = "discarded_bodies"
_ABANDONED_AFTER = timedelta(hours=1)
_WAIT_FACTOR = 6
"""How much longer than its processor time an image may take: its process has a low priority."""


def object_hook(settings: Settings) -> FileObjectHook:
    """Return the hook by which storage writes files; storage is built with it, and files on storage."""
    quotas = Quotas(settings.file_quota_mb * _MEGABYTE, settings.user_file_quota_mb * _MEGABYTE)
    return FileObjectHook(quotas, MediaTypeRules(settings.allowed_file_types, settings.denied_file_types))


def image_pool(settings: Settings) -> ImagePool:
    """Return the processes that shrink images; they start with the first image."""
    limits = ImageLimits(
        max_pixels=settings.image_max_megapixels * 1_000_000,
        memory_bytes=settings.image_memory_mb * _MEGABYTE,
        cpu_seconds=settings.image_timeout_s,
        wall_seconds=settings.image_timeout_s * _WAIT_FACTOR,
    )
    return ImagePool(ImagePoolOptions(limits, processes=settings.image_processes))


@dataclass(frozen=True)
class FileServices:
    """The services of files, as the routes and the rest of the program use them."""

    storage: StorageServices
    uploads: FileUploads
    downloads: FileDownloads
    processor: FileProcessor
    avatars: Avatars
    images: ImagePool

    @classmethod
    def build(cls, settings: Settings, database: Database, storage: StorageServices, images: ImagePool) -> FileServices:
        """Build all services."""
        return cls(
            storage,
            FileUploads(storage.uploads, lambda: token_hex(8)),
            FileDownloads(storage.store),
            FileProcessor(database, storage.store, storage.collector, images, storage.clock, settings.keep_originals),
            Avatars(database, storage.store, images),
            images,
        )

    def on_commit(self, written: Sequence[StreamVersion]) -> None:
        """Delete bodies soon after a commit that deleted files; the database calls this."""
        if any(stream.kind == _DISCARDED_BODIES for stream in written):
            self.storage.collector.request()

    async def sweep(self, now: datetime) -> int:
        """Let files fail whose processing was abandoned, and delete pictures that are no user's; return how many."""
        return await self.processor.fail_abandoned(now - _ABANDONED_AFTER) + await self.avatars.sweep(now)

    async def close(self) -> None:
        """End the processes that shrink images."""
        await self.images.close()

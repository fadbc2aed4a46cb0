"""Composition of storage: builds all services from the settings, the database and the object store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monynha.core.clock import Clock, utc_now
from monynha.core.settings.settings import Settings
from monynha.domains.storage.bodies import BodyCollector
from monynha.domains.storage.buckets import BucketService
from monynha.domains.storage.hooks import ObjectHook
from monynha.domains.storage.listing import ObjectLists
from monynha.domains.storage.object_repository import ObjectRepository
from monynha.domains.storage.resumable import ResumableUploads
from monynha.domains.storage.signed_urls import UrlSigner
from monynha.domains.storage.uploads import UploadService
from monynha.infra.postgres.database import Database
from monynha.infra.storage import ObjectStore


@dataclass(frozen=True)
class StorageServices:
    """The services of storage, as the HTTP routes and the rest of the program use them."""

    store: ObjectStore
    objects: ObjectRepository
    lists: ObjectLists
    buckets: BucketService
    uploads: UploadService
    resumable: ResumableUploads
    collector: BodyCollector
    signer: UrlSigner
    clock: Clock

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        *,
        hooks: Sequence[ObjectHook] = (),
        clock: Clock = utc_now,
    ) -> StorageServices:
        """Build all services; `hooks` react to objects of their buckets."""
        objects = ObjectRepository(database, tuple(hooks))
        collector = BodyCollector(database, store)
        uploads = UploadService(objects, store, collector, clock, settings.max_file_mb * 1024 * 1024)
        return cls(
            store,
            objects,
            ObjectLists(database),
            BucketService(database, objects, collector),
            uploads,
            ResumableUploads(database, store, uploads, clock),
            collector,
            UrlSigner(settings.jwt_secret, clock),
            clock,
        )

    async def sweep(self, now: datetime) -> int:
        """Delete expired uploads and the bodies that killed processes left behind; return how many bodies."""
        await self.resumable.delete_expired(now)
        return await self.collector.sweep(now)

    async def close(self) -> None:
        """Finish deleting, and close the store."""
        await self.collector.close()
        await self.store.close()

"""Data exports: one at a time for each user, written by a job as that user, stored as a private object for a week."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.core.clock import Clock
from monynha.core.errors import InsufficientAalError, NotFoundError
from monynha.core.locales import DEFAULT_LOCALE, match_locale
from monynha.core.serialization import format_timestamp
from monynha.domains.exports.documents import OwnDocuments
from monynha.domains.exports.zip_stream import ZipEntry, zip_stream
from monynha.domains.files.downloads import FileDownloads, StoredFile
from monynha.domains.files.file_names import download_name, path_name
from monynha.domains.files.models import files
from monynha.domains.storage.bodies import body_key, new_version
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.objects import OBJECT_JSON, StoredObject
from monynha.engine.query.queries import Queries
from monynha.infra.mail import EMAIL_QUEUE, EmailPayload, enqueue_email
from monynha.infra.postgres.database import ActorConnection, Database, guard_query
from monynha.infra.postgres.retries import with_retries
from monynha.infra.queue.job import Job, JobHandler, Json
from monynha.infra.storage import ObjectMissingError, ObjectStore

QUEUE = "data-export"
TEMPLATE = "data_export"
_ACTOR = system_actor(QUEUE)
_TIMEOUT_S = 6 * 3600.0
"""20 GB, the most that somebody may have stored, take that long where a store is slow."""
_READ_OWN = guard_query("select monynha.own_data_export()")
_IS_WITHHELD = guard_query("select to_json(monynha.is_data_export_withheld()::text)")
_FIND_OBJECT = guard_query(
    f"""
select {OBJECT_JSON} from storage.objects o
where o.bucket_id = 'data-exports' and o.name = (monynha.own_data_export() ->> 'id') || '.zip'
"""
)
_FINISH = "select monynha.finish_data_export($1, $2, $3)"
_DELETE_EXPIRED = "select monynha.delete_expired_data_exports($1)"
_TIMESTAMPS = ("requested_at", "finished_at", "expires_at")


@dataclass(frozen=True, slots=True)
class DataExportPayload:
    """Which export a job writes, and the assurance level of the session that requested it."""

    export_id: UUID
    aal: str


@dataclass(frozen=True, slots=True)
class DataExport:
    """An export: `pending`, `ready` or `failed`."""

    id: UUID
    status: str
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    size: int | None

    @classmethod
    def parse(cls, text: bytes) -> DataExport:
        """Return the export that the database describes as JSON."""
        values = orjson.loads(text)
        times = {name: values[name] and datetime.fromisoformat(values[name]) for name in _TIMESTAMPS}
        return cls(**{**values, **times, "id": UUID(values["id"])})


@dataclass(frozen=True)
class DataExports:
    """Requests, writes and reads exports."""

    database: Database
    queries: Queries
    store: ObjectStore
    clock: Clock
    email_queue: str = EMAIL_QUEUE

    @classmethod
    def build(cls, database: Database, queries: Queries, storage: StorageServices) -> DataExports:
        """Build it on the services of storage."""
        return cls(database, queries, storage.store, storage.clock)

    @property
    def job_handler(self) -> JobHandler[DataExportPayload]:
        """The handler of the job that writes an export, as the user who requested it."""
        return JobHandler(QUEUE, DataExportPayload, self.write, runs_as_requester=True, timeout_s=_TIMEOUT_S)

    async def request(self, connection: ActorConnection) -> DataExport:
        """Request an export of the caller and return it; one that is pending already is returned as it is.

        Raises ForbiddenError for a token that may not do all that its user may.
        """

        async def attempt(connection: ActorConnection) -> DataExport:
            async with connection.transaction() as transaction:
                text = await transaction.fetch_json("select monynha.request_data_export()")
            assert text is not None  # the function returns the row that it has just written
            return DataExport.parse(text)

        return await with_retries(connection, attempt)

    async def read(self, connection: ActorConnection) -> DataExport:
        """Return the last export of the caller; NotFoundError if there is none, or if it has expired.

        InsufficientAalError below aal2 if a session at aal2 requested it.
        """
        text = await connection.fetch_json(_READ_OWN, ())
        if text is None:
            await self._require_level(connection)
            raise NotFoundError("There is no export of your data.")
        return DataExport.parse(text)

    async def find_object(self, connection: ActorConnection) -> StoredObject:
        """Return the file of the last export of the caller; NotFoundError unless it is ready. See `read`."""
        text = await connection.fetch_json(_FIND_OBJECT, ())
        if text is None:
            await self._require_level(connection)
            raise NotFoundError("There is no export of your data that is ready.")
        return StoredObject.from_json(text)

    async def write(self, job: Job[DataExportPayload]) -> Json:
        """Write the file of an export; one that was replaced or finished meanwhile is left as it is."""
        version = new_version(self.clock())
        key = body_key(version)
        claims = {**orjson.loads(job.actor.claims), "aal": job.payload.aal}
        actor = replace(job.actor, claims=orjson.dumps(claims).decode())
        entries = self._entries(self.database.as_actor(actor))
        size = await self.store.put(key, zip_stream(entries, self.clock()))
        if not await self._finish(job.payload.export_id, version, size):
            await self.store.delete((key,))
            return None
        return {"size": size}

    async def _require_level(self, connection: ActorConnection) -> None:
        """Raise InsufficientAalError if the caller has an export that is withheld below aal2."""
        if await connection.fetch_json(_IS_WITHHELD, (), is_light=True) == b'"true"':
            raise InsufficientAalError()

    async def _finish(self, export_id: UUID, version: str, size: int) -> bool:
        """Make the stored body that of the export, and tell its user; False if nobody waits for it any more."""
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            text = await transaction.fetch_json(_FINISH, export_id, version, size)
            if text is None:
                return False
            recipient = orjson.loads(text)
            if recipient["email"] and recipient["isVerified"]:
                data = {
                    "locale": match_locale(recipient["locale"] or "") or DEFAULT_LOCALE,
                    "available_until": recipient["expiresAt"],
                }
                payload = EmailPayload(recipient["email"], TEMPLATE, data)
                await enqueue_email(transaction, payload, queue=self.email_queue)
        return True

    async def _entries(self, connection: ActorConnection) -> AsyncGenerator[ZipEntry]:
        documents = OwnDocuments(connection, self.queries)
        for name in await documents.names():
            yield ZipEntry(name, documents.read(name))
        downloads = FileDownloads(self.store)
        async for page in documents.pages(documents.own_rows(files, "userId")):
            for row in orjson.loads(page):
                try:
                    file = await downloads.find(connection, UUID(row["id"]))
                    content = await self._opened(file)
                except (NotFoundError, ObjectMissingError):
                    # Deleted, or hidden from the user, since the page was read.
                    continue
                name = path_name(download_name(file.name, file.object.content_type), row["id"])
                yield ZipEntry(f"files/{name}", content, is_compressed=False)
        yield ZipEntry("export.json", self._summary(connection))

    async def _opened(self, file: StoredFile) -> AsyncGenerator[bytes | bytearray]:
        """Return the body of a file whose first chunk has been read, so that it is there."""
        chunks = self.store.stream(body_key(file.object.version), 0, file.object.size)
        first = await anext(chunks, b"")

        async def resumed() -> AsyncGenerator[bytes | bytearray]:
            yield first
            async for chunk in chunks:
                yield chunk
                # Neither reading nor writing a small file need make this task wait: others come in between.
                await asyncio.sleep(0)

        return resumed()

    async def _summary(self, connection: ActorConnection) -> AsyncGenerator[bytes]:
        yield orjson.dumps({"userId": str(connection.actor.id), "exportedAt": format_timestamp(self.clock())})


async def delete_expired_exports(database: Database, now: datetime) -> int:
    """Delete the exports that have expired, with the objects of their files; return how many."""
    async with database.as_actor(_ACTOR).transaction() as transaction:
        count = await transaction.fetch_value(_DELETE_EXPIRED, now)
    assert isinstance(count, int)  # the function returns a bigint
    return count

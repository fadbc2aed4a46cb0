"""Uploads in several requests: begun, resumed after any interruption, finished as one object.

A body is stored in parts, and the database counts what is durable: after a killed process it is resumed from there.
One request at a time may write, by a lease that it renews; others are refused until the lease is over. The finished
body becomes an object by the rights of then. A process that dies between body and object leaves an upload that is
complete but not completed: whoever asks for it next completes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import orjson

from monynha.core.actor import Actor, ActorKind, system_actor
from monynha.core.clock import Clock
from monynha.core.errors import BadRequestError
from monynha.domains.storage.bodies import body_key, new_version
from monynha.domains.storage.errors import (
    EntityTooLargeError,
    TusProtocolError,
    UploadConflictError,
    UploadExpiredError,
    UploadLockedError,
    UploadNotFoundError,
)
from monynha.domains.storage.objects import NewObject
from monynha.domains.storage.uploads import HEAD_BYTES, UploadService, UploadTarget
from monynha.infra.postgres.database import Database
from monynha.infra.storage import ObjectExistsError, ObjectStore

LIFETIME: Final = timedelta(hours=24)
PART_BYTES: Final = 4 * 1024 * 1024
"""How much is stored at once, and counted then; in memory until it is."""
_MAX_BUFFERED_BYTES = 64 * 1024 * 1024
_SMALL_PART_BYTES = 256 * 1024
"""What is stored at once while so much of all uploads is in memory: slow clients must not fill it."""
_LEASE: Final = timedelta(seconds=10)
_RENEW_AFTER: Final = timedelta(seconds=3)
_ACTOR = system_actor("storage")

_COLUMNS = (
    "id, bucket_id, name, owner, is_service, token_digest, is_upsert, content_type, cache_control, "
    "user_metadata::text, upload_metadata, size, received_bytes, completed_at, expires_at"
)
_INSERT = """
insert into storage.resumable_uploads (id, bucket_id, name, owner, is_service, token_digest, is_upsert, content_type,
  cache_control, user_metadata, upload_metadata, size, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_FIND = f"select {_COLUMNS} from storage.resumable_uploads where id = $1"
# The time is PostgreSQL's, which all processes share.
_LOCK = f"""
update storage.resumable_uploads set writer = $2, locked_until = now() + $3
where id = $1 and (locked_until <= now() or writer = $2) returning {_COLUMNS}
"""
_UNLOCK = "update storage.resumable_uploads set writer = null, locked_until = '-infinity' where id = $1 and writer = $2"
_RENEW = "update storage.resumable_uploads set locked_until = now() + $3 where id = $1 and writer = $2"
_COUNT = """
update storage.resumable_uploads set received_bytes = $3, locked_until = now() + $4 where id = $1 and writer = $2
"""
_SET_SIZE = "update storage.resumable_uploads set size = $3 where id = $1 and writer = $2 and size is null"
_COMPLETE = "update storage.resumable_uploads set completed_at = now() where id = $1"
_DELETE_EXPIRED = "delete from storage.resumable_uploads where expires_at < $1 returning id::text"


@dataclass(frozen=True, slots=True)
class UploadDeclaration:
    """What a client declares when it begins an upload; the size may follow later."""

    target: UploadTarget
    content_type: str
    cache_control: str
    user_metadata: dict[str, object] | None
    upload_metadata: str
    """As the client sent it."""
    size: int | None
    token_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ResumableUpload:
    """An upload that was begun."""

    id: UUID
    owner: UUID | None
    is_service: bool
    """Whether it was begun with the service key, which no owner tells from an anonymous one."""
    declaration: UploadDeclaration
    received_bytes: int
    is_completed: bool
    expires_at: datetime

    @property
    def is_complete(self) -> bool:
        """Whether all bytes have arrived."""
        return self.received_bytes == self.declaration.size

    @property
    def version(self) -> str:
        """The version that the object will have."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class UploadIdentity:
    """Who asks for an upload: the actor, and the digest of the signed token where they came with one."""

    actor: Actor
    token_digest: str | None = None

    def may_continue(self, upload: ResumableUpload) -> bool:
        """Whether the upload was begun by the same person, or with the same token; the service key may do all."""
        if self.token_digest is not None:
            return upload.declaration.token_digest == self.token_digest
        if self.is_service:
            return True
        is_foreign = upload.is_service or upload.declaration.token_digest is not None
        return not is_foreign and upload.owner == self.actor.id

    @property
    def is_service(self) -> bool:
        """Whether the actor has the service key."""
        return self.actor.kind is ActorKind.SERVICE


@dataclass(eq=False)
class _Buffered:
    """How many bytes of all uploads are in the memory of this process."""

    count: int = 0


@dataclass(frozen=True)
class ResumableUploads:
    """Begins, continues, completes and ends uploads."""

    database: Database
    store: ObjectStore
    uploads: UploadService
    clock: Clock
    _buffered: _Buffered = field(default_factory=_Buffered, init=False)

    async def begin(self, identity: UploadIdentity, declaration: UploadDeclaration) -> ResumableUpload:
        """Begin an upload, if the actor may upload there now; raise what `UploadService.check` raises."""
        target = declaration.target
        await self.uploads.check(
            identity.actor, target, size=declaration.size, content_type=declaration.content_type or None
        )
        upload_id, expires_at = UUID(new_version(self.clock())), self.clock() + LIFETIME
        user_metadata = declaration.user_metadata
        await self._execute(
            _INSERT,
            upload_id,
            target.bucket_id,
            target.name,
            identity.actor.id,
            identity.is_service,
            declaration.token_digest,
            target.is_upsert,
            declaration.content_type,
            declaration.cache_control,
            None if user_metadata is None else orjson.dumps(user_metadata).decode(),
            declaration.upload_metadata,
            declaration.size,
            expires_at,
        )
        return ResumableUpload(
            upload_id,
            identity.actor.id,
            identity.is_service,
            declaration,
            received_bytes=0,
            is_completed=False,
            expires_at=expires_at,
        )

    async def find(self, identity: UploadIdentity, upload_id: UUID) -> ResumableUpload:
        """Return an upload of the actor, completed if all its bytes have arrived.

        Raises UploadNotFoundError, UploadExpiredError.
        """
        await self.database.as_actor(identity.actor).require_live_session()
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            row = await transaction.fetch_row(_FIND, upload_id)
        upload = self._checked(identity, row)
        if upload.is_complete and not upload.is_completed:
            async with self._locked(identity, upload_id) as (locked_upload, _):
                await self._complete(identity.actor, locked_upload)
        return upload

    async def write(
        self,
        identity: UploadIdentity,
        upload_id: UUID,
        offset: int,
        chunks: AsyncIterator[bytes],
        *,
        size: int | None = None,
    ) -> ResumableUpload:
        """Append a body to what has been received, and complete the upload if that was the rest.

        Raises UploadLockedError while another request writes, UploadConflictError for an offset that is not the end,
        TusProtocolError for a size that has been exceeded already, EntityTooLargeError. Bytes that arrived before the
        client left are kept.
        """
        async with self._locked(identity, upload_id) as (upload, writer):
            if size is not None and upload.declaration.size is None:
                await self._set_size(upload, writer, size)
                upload = await self._lock(identity, upload_id, writer)
            if offset != upload.received_bytes:
                raise UploadConflictError()
            if not upload.is_complete:
                await self._check_room(identity.actor, upload)
            upload = replace(upload, received_bytes=await self._receive(identity.actor, upload, writer, chunks))
            if upload.is_complete and not upload.is_completed:
                await self._complete(identity.actor, upload)
            return upload

    async def end(self, identity: UploadIdentity, upload_id: UUID) -> None:
        """End an upload, and delete what has been received; raise UploadLockedError while a request writes."""
        async with self._locked(identity, upload_id) as (upload, _):
            if not upload.is_completed:
                await self.store.delete_parts(body_key(upload.version))
            await self._execute("delete from storage.resumable_uploads where id = $1", upload_id)

    async def delete_expired(self, now: datetime) -> int:
        """Delete the uploads whose time is up, with their parts; return how many there were."""
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            rows = await transaction.fetch_rows(_DELETE_EXPIRED, now)
        for row in rows:
            await self.store.delete_parts(body_key(row[0]))
        return len(rows)

    @asynccontextmanager
    async def _locked(self, identity: UploadIdentity, upload_id: UUID) -> AsyncGenerator[tuple[ResumableUpload, UUID]]:
        """Hold the lease of an upload; yield it, and the id of this writer."""
        await self.database.as_actor(identity.actor).require_live_session()
        writer = uuid4()
        upload = await self._lock(identity, upload_id, writer)
        try:
            yield upload, writer
        finally:
            await asyncio.shield(self._execute(_UNLOCK, upload_id, writer))

    async def _lock(self, identity: UploadIdentity, upload_id: UUID, writer: UUID) -> ResumableUpload:
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            existing = self._checked(identity, await transaction.fetch_row(_FIND, upload_id))
            row = await transaction.fetch_row(_LOCK, existing.id, writer, _LEASE)
        if row is None:
            raise UploadLockedError()
        return _upload(row)

    async def _set_size(self, upload: ResumableUpload, writer: UUID, size: int) -> None:
        declaration = upload.declaration
        if size < upload.received_bytes:
            raise TusProtocolError("Upload-Length is less than what has been received")
        limit = await self.uploads.check(
            Actor(ActorKind.SERVICE, claims='{"role":"service_role"}'),
            UploadTarget(declaration.target.bucket_id, declaration.target.name, is_upsert=True),
            size=None,
            content_type=None,
        )
        if size > limit:
            raise EntityTooLargeError()
        await self._execute(_SET_SIZE, upload.id, writer, size)

    async def _check_room(self, actor: Actor, upload: ResumableUpload) -> None:
        """Raise what an upload there would raise now; the hook of the bucket counts this one among those begun."""
        await self.uploads.check(actor, upload.declaration.target, size=None, content_type=None)

    async def _receive(self, actor: Actor, upload: ResumableUpload, writer: UUID, chunks: AsyncIterator[bytes]) -> int:
        """Store the chunks in parts, and return how many bytes there are then in all."""
        received_bytes, part = upload.received_bytes, bytearray()
        limit = self.uploads.max_bytes if upload.declaration.size is None else upload.declaration.size
        renewed_at = self.clock()
        try:
            try:
                async for chunk in chunks:
                    part += chunk
                    self._buffered.count += len(chunk)
                    if received_bytes + len(part) > limit:
                        raise EntityTooLargeError()
                    if self._is_due(part):
                        received_bytes = await self._store_part(upload, writer, received_bytes, part)
                        self._buffered.count -= len(part)
                        part, renewed_at = bytearray(), self.clock()
                        if upload.declaration.size is None:
                            await self._check_room(actor, upload)
                    elif self.clock() - renewed_at > _RENEW_AFTER:
                        await self._execute(_RENEW, upload.id, writer, _LEASE)
                        renewed_at = self.clock()
            except BadRequestError:
                # The client has left: what came stays, so that it goes on from there.
                await self._store_part(upload, writer, received_bytes, part)
                raise
            return await self._store_part(upload, writer, received_bytes, part)
        finally:
            self._buffered.count -= len(part)

    def _is_due(self, part: bytearray) -> bool:
        """Whether a part is large enough to be stored."""
        is_memory_full = self._buffered.count >= _MAX_BUFFERED_BYTES
        return len(part) >= (_SMALL_PART_BYTES if is_memory_full else PART_BYTES)

    async def _store_part(self, upload: ResumableUpload, writer: UUID, offset: int, part: bytearray) -> int:
        """Store a part, then count it; raise UploadLockedError if another request has taken over."""
        if not part:
            return offset
        await self.store.write_part(body_key(upload.version), offset, part)
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            if not await transaction.execute(_COUNT, upload.id, writer, offset + len(part), _LEASE):
                raise UploadLockedError()
        return offset + len(part)

    async def _complete(self, actor: Actor, upload: ResumableUpload) -> None:
        """Make the parts one body, and write its object; once, however often it is called."""
        declaration, key = upload.declaration, body_key(upload.version)
        size = declaration.size or 0
        if not await self.uploads.collector.is_used(upload.version):
            if size:
                await self.store.join_parts(key, size)
            else:
                with suppress(ObjectExistsError):
                    await self.store.put(key, b"")
            new_object = NewObject(
                declaration.target.bucket_id,
                declaration.target.name,
                upload.version,
                declaration.content_type,
                declaration.cache_control,
                size=size,
                user_metadata=declaration.user_metadata,
                modified_at=self.clock(),
                head=await self.store.read(key, 0, min(size, HEAD_BYTES)),
            )
            new_object = self.uploads.with_sniffed_type(new_object)
            await self.uploads.objects.insert(actor, new_object, is_upsert=declaration.target.is_upsert)
            if declaration.target.is_upsert:
                self.uploads.collector.request()
        await self._execute(_COMPLETE, upload.id)

    def _checked(self, identity: UploadIdentity, row: asyncpg.Record | None) -> ResumableUpload:
        if row is None:
            raise UploadNotFoundError()
        upload = _upload(row)
        if not identity.may_continue(upload):
            raise UploadNotFoundError()
        if upload.expires_at <= self.clock():
            raise UploadExpiredError()
        return upload

    async def _execute(self, statement: str, *binds: object) -> int:
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            return await transaction.execute(statement, *binds)


def _upload(row: asyncpg.Record) -> ResumableUpload:
    user_metadata = row["user_metadata"]
    declaration = UploadDeclaration(
        UploadTarget(row["bucket_id"], row["name"], is_upsert=row["is_upsert"]),
        row["content_type"],
        row["cache_control"],
        None if user_metadata is None else orjson.loads(user_metadata),
        row["upload_metadata"],
        row["size"],
        row["token_digest"],
    )
    return ResumableUpload(
        row["id"],
        row["owner"],
        row["is_service"],
        declaration,
        row["received_bytes"],
        row["completed_at"] is not None,
        row["expires_at"],
    )

"""Objects in the database: every statement runs as the caller, and row-level security decides.

A write of a bucket with hooks is a transaction; any other insert is one statement, whose source sets the claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast
from uuid import UUID, uuid4

import orjson

from monynha.core.actor import Actor
from monynha.domains.storage.errors import BucketNotFoundError, ObjectNotFoundError
from monynha.domains.storage.hooks import ObjectHook
from monynha.domains.storage.objects import OBJECT_JSON, BucketSettings, Lookup, NewObject, ObjectRow, StoredObject
from monynha.domains.storage.transactions import run_transaction, violation_error
from monynha.infra.postgres.database import SET_ACTOR, Database, Transaction, guard_query
from monynha.infra.postgres.errors import ConstraintViolationError

_FIND = guard_query(
    f"""
select json_build_object(
  'bucket', storage.bucket_settings($4::text),
  'object', (
    select {OBJECT_JSON} from (
      select own.* from storage.objects own where own.bucket_id = $4::text and own.name = $5::text
      union all
      select public.* from storage.public_object($4::text, $5::text) public where public.id is not null
      limit 1
    ) o
  )
)
"""
)
_FIND_NAMES = guard_query(
    """
select json_build_object(
  'bucket', storage.bucket_settings($4::text),
  'names', (
    select coalesce(json_agg(o.name), '[]') from storage.objects o
    where o.bucket_id = $4::text and o.name = any ($5::text[])
  )
)
"""
)
_COLUMNS = "id, bucket_id, name, owner, owner_id, metadata, version, user_metadata"
_REPLACE = """
on conflict (bucket_id, name) do update
  set owner = excluded.owner, owner_id = excluded.owner_id, metadata = excluded.metadata, version = excluded.version,
    user_metadata = excluded.user_metadata, updated_at = now()
"""
_SOURCE = "select ${}::uuid, ${}::text, ${}::text, ${}::uuid, ${}::text, ${}::jsonb, ${}::text, ${}::jsonb"


def _insert_sql(first_bind: int, *, guard: str, is_upsert: bool, returning: str) -> str:
    """Return an insert; without a conflict clause it must read no column, which only `select` policies allow."""
    source = _SOURCE.format(*range(first_bind, first_bind + 8))
    conflict = _REPLACE if is_upsert else ""
    return f"insert into storage.objects as o ({_COLUMNS}) {source}{guard} {conflict} returning {returning}"


_GUARD = f" where {SET_ACTOR}"
_INSERT_STATEMENT = _insert_sql(4, guard=_GUARD, is_upsert=False, returning="'true'")
_UPSERT_STATEMENT = _insert_sql(4, guard=_GUARD, is_upsert=True, returning="o.id::text")
_INSERT = _insert_sql(1, guard="", is_upsert=False, returning="'true'")
_UPSERT = _insert_sql(1, guard="", is_upsert=True, returning="o.id::text")
_LOCK = f"select {OBJECT_JSON} from storage.objects o where o.bucket_id = $1 and o.name = $2 for update"
_READ = f"select {OBJECT_JSON} from storage.objects o where o.bucket_id = $1 and o.name = $2"
_MOVE = f"""
update storage.objects o set bucket_id = $3, name = $4, updated_at = now()
where o.bucket_id = $1 and o.name = $2 returning {OBJECT_JSON}
"""
_DELETE = f"""
delete from storage.objects o where o.bucket_id = $1 and o.name = any ($2::text[]) returning {OBJECT_JSON}
"""


class _BucketValues(TypedDict):
    public: bool
    file_size_limit: int | None


@dataclass(frozen=True)
class ObjectRepository:
    """Reads and writes the rows of objects."""

    database: Database
    hooks: tuple[ObjectHook, ...] = ()

    def hook_of(self, bucket_id: str) -> ObjectHook | None:
        """Return the hook of a bucket."""
        return next((hook for hook in self.hooks if hook.bucket_id == bucket_id), None)

    def copied_metadata(self, original: StoredObject, bucket_id: str) -> Mapping[str, object] | None:
        """Return the uploader's metadata of an object as its copy in the bucket has it."""
        metadata, hook = original.row["user_metadata"], self.hook_of(bucket_id)
        return metadata if metadata is None or hook is None else hook.copied_metadata(metadata)

    async def find(self, actor: Actor, bucket_id: str, name: str) -> Lookup:
        """Return a bucket's settings and an object that the actor may read; one round trip."""
        text = await self.database.as_actor(actor).fetch_json(_FIND, (bucket_id, name), is_light=True)
        values = orjson.loads(text or b"{}")
        row = values["object"]
        return Lookup(_bucket_settings(values["bucket"]), None if row is None else StoredObject(row))

    async def find_names(self, actor: Actor, bucket_id: str, names: Sequence[str]) -> set[str]:
        """Return those of the names that are objects which the actor may read; raise BucketNotFoundError."""
        text = await self.database.as_actor(actor).fetch_json(_FIND_NAMES, (bucket_id, list(names)))
        values = orjson.loads(text or b"{}")
        if values["bucket"] is None:
            raise BucketNotFoundError()
        return set(values["names"])

    async def check_upload(self, actor: Actor, upload: NewObject, *, is_upsert: bool) -> BucketSettings:
        """Try the insert and roll it back: raise what it would raise, before the body is received."""
        hook = self.hook_of(upload.bucket_id)

        async def work(transaction: Transaction) -> BucketSettings:
            async with transaction.dry_run():
                await transaction.fetch_value(_UPSERT if is_upsert else _INSERT, *_binds(actor, upload, uuid4()))
            if hook is not None:
                async with transaction.dry_run():
                    await hook.before_upload(transaction, actor, upload)
            text = await transaction.fetch_json("select storage.bucket_settings($1)", upload.bucket_id)
            settings = _bucket_settings(orjson.loads(text or b"null"))
            if settings is None:
                raise BucketNotFoundError()
            return settings

        return await run_transaction(
            self.database.as_actor(actor), work, name=upload.name, content_type=upload.content_type or ""
        )

    async def insert(self, actor: Actor, upload: NewObject, *, is_upsert: bool) -> str:
        """Write the row of a new object, or replace that of an existing one; return its id."""
        hook = self.hook_of(upload.bucket_id)
        if hook is not None:
            return await self._insert_with_hook(hook, actor, upload, is_upsert=is_upsert)
        object_id = uuid4()
        statement = _UPSERT_STATEMENT if is_upsert else _INSERT_STATEMENT
        connection = self.database.as_actor(actor)
        try:
            row = await connection.insert_returning(statement, _binds(actor, upload, object_id))
        except ConstraintViolationError as violation:
            content_type = upload.content_type or ""
            raise violation_error(violation, name=upload.name, content_type=content_type) from violation
        return (row[0] or b"").decode() if is_upsert else str(object_id)

    async def _insert_with_hook(self, hook: ObjectHook, actor: Actor, upload: NewObject, *, is_upsert: bool) -> str:
        async def work(transaction: Transaction) -> str:
            replaced = await transaction.fetch_json(_LOCK, upload.bucket_id, upload.name) if is_upsert else None
            await transaction.fetch_value(_UPSERT if is_upsert else _INSERT, *_binds(actor, upload, uuid4()))
            stored = _require(await transaction.fetch_json(_READ, upload.bucket_id, upload.name))
            previous = None if replaced is None else StoredObject.from_json(replaced)
            await hook.on_created(transaction, actor, stored, previous)
            return stored.row["id"]

        return await run_transaction(
            self.database.as_actor(actor), work, name=upload.name, content_type=upload.content_type or ""
        )

    async def move(self, actor: Actor, source: tuple[str, str], destination: tuple[str, str]) -> StoredObject:
        """Give an object another bucket or name; both are pairs of bucket and name. Its body stays where it is.

        Raises ObjectNotFoundError, ObjectExistsAlreadyError, AccessDeniedError and what the new bucket's limits say.
        """

        async def work(transaction: Transaction) -> StoredObject:
            previous = _require(await transaction.fetch_json(_READ, *source))
            moved = _require(await transaction.fetch_json(_MOVE, *source, *destination))
            await self._report_move(transaction, actor, moved, previous)
            return moved

        return await run_transaction(self.database.as_actor(actor), work, name=destination[1])

    async def _report_move(
        self, transaction: Transaction, actor: Actor, moved: StoredObject, previous: StoredObject
    ) -> None:
        source_hook, destination_hook = self.hook_of(previous.bucket_id), self.hook_of(moved.bucket_id)
        if source_hook is not None and source_hook is destination_hook:
            await source_hook.on_moved(transaction, actor, moved, previous)
            return
        if source_hook is not None:
            await source_hook.on_removed(transaction, actor, (previous,))
        if destination_hook is not None:
            await destination_hook.on_created(transaction, actor, moved, None)

    async def remove(self, actor: Actor, bucket_id: str, names: Sequence[str]) -> list[ObjectRow]:
        """Delete those of the objects that exist and that the actor may delete; return their rows."""

        async def work(transaction: Transaction) -> list[ObjectRow]:
            rows = await transaction.fetch_rows(_DELETE, bucket_id, list(names))
            objects = [StoredObject.from_json(row[0]) for row in rows]
            hook = self.hook_of(bucket_id)
            if hook is not None and objects:
                await hook.on_removed(transaction, actor, objects)
            return [stored.row for stored in objects]

        return await run_transaction(self.database.as_actor(actor), work)


def _binds(actor: Actor, upload: NewObject, object_id: UUID) -> tuple[object, ...]:
    owner_id = None if actor.id is None else str(actor.id)
    metadata, user_metadata = upload.metadata.decode(), upload.user_metadata_json
    return (
        object_id,
        upload.bucket_id,
        upload.name,
        actor.id,
        owner_id,
        metadata,
        upload.version,
        None if user_metadata is None else user_metadata.decode(),
    )


def _bucket_settings(values: object) -> BucketSettings | None:
    if values is None:
        return None
    settings = cast(_BucketValues, values)  # the JSON object of storage.bucket_settings
    return BucketSettings(settings["public"], settings["file_size_limit"])


def _require(text: bytes | None) -> StoredObject:
    if text is None:
        raise ObjectNotFoundError()
    return StoredObject.from_json(text)

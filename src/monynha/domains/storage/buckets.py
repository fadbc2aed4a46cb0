"""Buckets: every statement runs as the caller, and row-level security decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import ForbiddenError
from monynha.domains.storage.bodies import BodyCollector
from monynha.domains.storage.errors import BucketNotEmptyError, BucketNotFoundError
from monynha.domains.storage.object_repository import ObjectRepository
from monynha.domains.storage.transactions import run_transaction
from monynha.infra.postgres.database import Database, Transaction, guard_query

BucketSortColumn = Literal["id", "name", "created_at", "updated_at"]
BUCKET_SORT_COLUMNS: Final[tuple[BucketSortColumn, ...]] = ("id", "name", "created_at", "updated_at")
OWN_BUCKETS: Final = frozenset({"project-files", "file-originals"})
"""The buckets that the program itself needs: they are neither deleted nor made public."""
_EMPTY_BATCH = 1000


class BucketRow(TypedDict):
    """A row of `storage.buckets` as JSON."""

    id: str
    name: str
    owner: str
    public: bool
    type: str
    file_size_limit: int | None
    allowed_mime_types: list[str] | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class BucketChanges:
    """What is set; None leaves a setting as it is, unless its name is among `cleared`."""

    public: bool | None = None
    file_size_limit: int | None = None
    allowed_mime_types: Sequence[str] | None = None
    cleared: frozenset[str] = frozenset()


_BUCKET_JSON = (
    "json_build_object('id', b.id, 'name', b.name, 'owner', coalesce(b.owner::text, ''), 'public', b.public, "
    "'type', b.type, 'file_size_limit', b.file_size_limit, 'allowed_mime_types', b.allowed_mime_types, "
    "'created_at', b.created_at, 'updated_at', b.updated_at)"
)
_INSERT = """
insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_UPDATE = """
update storage.buckets set public = coalesce($2, public),
  file_size_limit = case when $5 then null else coalesce($3, file_size_limit) end,
  allowed_mime_types = case when $6 then null else coalesce($4, allowed_mime_types) end, updated_at = now()
where id = $1
"""
_FIND = guard_query(f"select {_BUCKET_JSON} from storage.buckets b where b.id = $4::text")


def _list_sql(column: BucketSortColumn, order: str) -> str:
    return guard_query(
        f"""
        select coalesce(json_agg(bucket), '[]') from (
          select {_BUCKET_JSON} as bucket from storage.buckets b
          where $4::text = '' or position(lower($4::text) in lower(b.name)) > 0
          order by b.{column} {order}, b.id limit $5::integer offset $6::integer
        ) listed
        """
    )


@dataclass(frozen=True)
class BucketService:
    """Creates, changes, lists, empties and deletes buckets."""

    database: Database
    objects: ObjectRepository
    collector: BodyCollector

    async def find(self, actor: Actor, bucket_id: str) -> BucketRow:
        """Return a bucket; raise BucketNotFoundError."""
        text = await self.database.as_actor(actor).fetch_json(_FIND, (bucket_id,), is_light=True)
        if text is None:
            raise BucketNotFoundError()
        row: BucketRow = orjson.loads(text)
        return row

    async def list_buckets(
        self,
        actor: Actor,
        *,
        search: str = "",
        column: BucketSortColumn = "name",
        is_descending: bool = False,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[BucketRow]:
        """Return the buckets whose names contain the text, in the order of a column."""
        statement = _list_sql(column, "desc" if is_descending else "asc")
        text = await self.database.as_actor(actor).fetch_json(statement, (search, limit, offset))
        rows: list[BucketRow] = orjson.loads(text or b"[]")
        return rows

    async def create(
        self,
        actor: Actor,
        bucket_id: str,
        name: str,
        *,
        is_public: bool = False,
        file_size_limit: int | None = None,
        allowed_mime_types: Sequence[str] | None = None,
    ) -> None:
        """Create a bucket; raise BucketExistsAlreadyError, AccessDeniedError."""
        owner_id = None if actor.id is None else str(actor.id)
        types = None if allowed_mime_types is None else list(allowed_mime_types)

        async def work(transaction: Transaction) -> None:
            await transaction.execute(_INSERT, bucket_id, name, actor.id, owner_id, is_public, file_size_limit, types)

        await run_transaction(self.database.as_actor(actor), work)

    async def update(self, actor: Actor, bucket_id: str, changes: BucketChanges) -> None:
        """Change a bucket; raise BucketNotFoundError, and ForbiddenError for a public bucket of project files."""
        if bucket_id in OWN_BUCKETS and changes.public:
            raise ForbiddenError("The buckets of project files cannot be public.")
        types = None if changes.allowed_mime_types is None else list(changes.allowed_mime_types)

        async def work(transaction: Transaction) -> int:
            return await transaction.execute(
                _UPDATE,
                bucket_id,
                changes.public,
                changes.file_size_limit,
                types,
                "file_size_limit" in changes.cleared,
                "allowed_mime_types" in changes.cleared,
            )

        if not await run_transaction(self.database.as_actor(actor), work):
            raise BucketNotFoundError()

    async def delete(self, actor: Actor, bucket_id: str) -> None:
        """Delete an empty bucket; raise BucketNotFoundError, BucketNotEmptyError."""
        if bucket_id in OWN_BUCKETS:
            raise ForbiddenError("The buckets of project files cannot be deleted.")

        async def work(transaction: Transaction) -> int:
            if await transaction.fetch_value(
                "select exists (select from storage.objects o where o.bucket_id = $1)", bucket_id
            ):
                raise BucketNotEmptyError()
            return await transaction.execute("delete from storage.buckets where id = $1", bucket_id)

        if not await run_transaction(self.database.as_actor(actor), work):
            raise BucketNotFoundError()

    async def empty(self, actor: Actor, bucket_id: str) -> None:
        """Delete all objects of a bucket that the actor may delete, in transactions of 1,000 objects."""
        await self.find(actor, bucket_id)
        after = ""
        while True:
            names = await self._names_after(actor, bucket_id, after)
            if not names:
                return
            await self.objects.remove(actor, bucket_id, names)
            self.collector.request()
            after = names[-1]

    async def _names_after(self, actor: Actor, bucket_id: str, after: str) -> list[str]:
        statement = guard_query(
            """
            select coalesce(json_agg(name), '[]') from (
              select o.name from storage.objects o where o.bucket_id = $4::text and o.name > $5::text
              order by o.name limit $6::integer
            ) listed
            """
        )
        text = await self.database.as_actor(actor).fetch_json(statement, (bucket_id, after, _EMPTY_BATCH))
        names: list[str] = orjson.loads(text or b"[]")
        return names

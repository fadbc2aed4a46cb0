"""Lists of objects by prefix: one level with its folders, or everything below; pages by offset or by cursor.

A level in the order of names is read by skipping: each step asks the index for the next name, and a folder is left
behind as a whole, so that a page of 100 costs 100 steps however many objects the folders hold. Other orders read all
objects below the prefix.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

import orjson

from monynha.core.actor import Actor
from monynha.domains.storage.errors import InvalidRequestError
from monynha.infra.postgres.database import Database, guard_query

SortColumn = Literal["name", "created_at", "updated_at", "last_accessed_at"]
SORT_COLUMNS: Final[tuple[SortColumn, ...]] = ("name", "created_at", "updated_at", "last_accessed_at")
MAX_LIMIT = 1000
LAST_CHARACTER = "\x7f"
"""Comes after all letters of names in the order of bytes."""
_FOREIGN_CURSOR = "cursor is not one that this list returned"
_OFFSET = re.compile(r"\d{1,9}", re.ASCII)

# Binds: $4 bucket, $5 prefix, $6 the key to go on after (empty at first), $7 search or, for the flat list, the value to
# go on after, $8 limit, $9 offset.
_LEVEL = """
select o.name, o.id, o.created_at, o.updated_at, o.last_accessed_at, o.metadata,
  case when position('/' in substr(o.name, length($5::text) + 1)) > 0
    then $5::text || split_part(substr(o.name, length($5::text) + 1), '/', 1) || '/' end as folder
from storage.objects o
where o.bucket_id = $4::text and o.name >= $5::text and o.name < $5::text || E'\\x7f'
"""
_MATCHES = "($7::text = '' or position(lower($7::text) in lower(substr(key, length($5::text) + 1))) > 0)"
# Where the next step begins is a column of its own. The name compared with an expression, which is not leakproof, would
# be looked for behind the policies and not by the index.
_LEVEL_BY_NAME = f"""
with recursive entries as (
  (select first.*, coalesce(first.folder || {{skip}}, first.name) as position from (
    {_LEVEL} and o.name {{after}} $6::text order by o.name {{order}} limit 1
  ) first)
  union all
  select next.*, coalesce(next.folder || {{skip}}, next.name) from entries e, lateral (
    {_LEVEL} and o.name {{after}} e.position order by o.name {{order}} limit 1
  ) next
)
select coalesce(json_agg(row_to_json(page)), '[]') from (
  select * from (
    select coalesce(folder, name) as key, case when folder is null then id end as id,
      case when folder is null then created_at end as created_at,
      case when folder is null then updated_at end as updated_at,
      case when folder is null then last_accessed_at end as last_accessed_at,
      case when folder is null then metadata end as metadata
    from entries
  ) listed
  where {_MATCHES} limit $8::integer offset $9::integer
) page
"""
_LEVEL_BY_TIME = f"""
with level as ({_LEVEL}), entries as (
  select distinct folder as key, null::uuid as id, null::timestamptz as created_at, null::timestamptz as updated_at,
    null::timestamptz as last_accessed_at, null::text as metadata
  from level where folder is not null
  union all
  select name, id, created_at, updated_at, last_accessed_at, metadata::text from level where folder is null
)
select coalesce(json_agg(row_to_json(page)), '[]') from (
  select key, id, created_at, updated_at, last_accessed_at, metadata::json from entries
  where {_MATCHES} and $6::text is not null
  order by (id is null) desc, {{column}} {{order}}, key {{order}} limit $8::integer offset $9::integer
) page
"""
_FLAT = """
select coalesce(json_agg(row_to_json(page)), '[]') from (
  select o.name as key, o.id, o.created_at, o.updated_at, o.last_accessed_at, o.metadata from storage.objects o
  where o.bucket_id = $4::text and o.name >= $5::text and o.name < $5::text || E'\\x7f'
    and {after} and $7::text is not null
  order by {order} limit $8::integer
) page
"""


@lru_cache(32)
def _statement(column: SortColumn, *, is_descending: bool, with_folders: bool) -> str:
    order, after = ("desc", "<") if is_descending else ("asc", ">")
    if not with_folders:
        if column == "name":
            query = _FLAT.format(after=f"o.name {after} $6::text", order=f"o.name {order}")
        else:
            position = f"(o.{column}, o.name) {after} (nullif($7::text, '')::timestamptz, $6::text)"
            query = _FLAT.format(after=f"($6::text = '' or {position})", order=f"o.{column} {order}, o.name {order}")
    elif column == "name":
        # Behind a folder come the names after all that begin with it; in descending order those before it.
        query = _LEVEL_BY_NAME.format(order=order, after=after, skip="''" if is_descending else "E'\\x7f'")
    else:
        query = _LEVEL_BY_TIME.format(order=order, column=column)
    return guard_query(query)


@dataclass(frozen=True, slots=True)
class Entry:
    """An object (with an id) or a folder, whose key ends with a slash."""

    key: str
    id: str | None
    created_at: str | None
    updated_at: str | None
    last_accessed_at: str | None
    metadata: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What is listed: names that begin with the prefix, in an order."""

    prefix: str = ""
    column: SortColumn = "name"
    is_descending: bool = False
    limit: int = 100
    offset: int = 0
    search: str = ""
    with_folders: bool = True
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the last key, and its value in the column of the order."""

    key: str
    value: str = ""

    def encode(self) -> str:
        """Return the text that clients send back."""
        return urlsafe_b64encode(orjson.dumps([self.key, self.value])).decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Return the cursor of a text; raise InvalidRequestError."""
        try:
            key, value = orjson.loads(urlsafe_b64decode(text.encode()))
        except (ValueError, TypeError):
            raise InvalidRequestError(_FOREIGN_CURSOR) from None
        if not isinstance(key, str) or not isinstance(value, str) or "\x00" in key + value:
            raise InvalidRequestError(_FOREIGN_CURSOR)
        return cls(key, value)

    @property
    def offset(self) -> int:
        """The value as how many entries came before; raise InvalidRequestError."""
        if not _OFFSET.fullmatch(self.value):
            raise InvalidRequestError(_FOREIGN_CURSOR)
        return int(self.value)

    @property
    def time(self) -> str:
        """The value as a time in UTC; raise InvalidRequestError."""
        try:
            return datetime.fromisoformat(self.value).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise InvalidRequestError(_FOREIGN_CURSOR) from None


@dataclass(frozen=True)
class ObjectLists:
    """Lists the objects that an actor may read."""

    database: Database

    async def list_entries(self, actor: Actor, bucket_id: str, query: ListQuery) -> list[Entry]:
        """Return a page of objects and folders; empty for a bucket that does not exist.

        Raises InvalidRequestError for a cursor of another list.
        """
        statement = _statement(query.column, is_descending=query.is_descending, with_folders=query.with_folders)
        cursor, is_by_name = query.cursor or Cursor(""), query.column == "name"
        after = cursor.key
        if is_by_name and query.is_descending:
            after = after or query.prefix + LAST_CHARACTER
        elif is_by_name and query.with_folders and after.endswith("/"):
            after += LAST_CHARACTER
        binds: tuple[object, ...]
        if not query.with_folders:
            value = cursor.time if query.cursor is not None and not is_by_name else ""
            binds = (bucket_id, query.prefix, after, value, query.limit)
        elif is_by_name:
            binds = (bucket_id, query.prefix, after, query.search, query.limit, query.offset)
        else:
            offset = query.offset + (0 if query.cursor is None else query.cursor.offset)
            binds = (bucket_id, query.prefix, "", query.search, query.limit, offset)
        text = await self.database.as_actor(actor).fetch_json(statement, binds)
        return [Entry(**entry) for entry in orjson.loads(text or b"[]")]


def next_cursor(query: ListQuery, page: Sequence[Entry]) -> Cursor:
    """Return the cursor behind a page, which is not empty."""
    last = page[-1]
    if query.column == "name":
        return Cursor(last.key)
    if query.with_folders:
        offset = 0 if query.cursor is None else query.cursor.offset
        return Cursor(last.key, str(offset + len(page)))
    return Cursor(last.key, str(getattr(last, query.column)))

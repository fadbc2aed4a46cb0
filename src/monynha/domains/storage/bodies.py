"""Where the bodies of objects are: the key of a version, and the removal of bodies that no object refers to.

A version is a UUID that begins with the time (RFC 9562, version 7), so the folders of bodies are in the order of time
too, and the sweep reads only those of the days it is for. A body is written before its row, under a version that
nobody knows yet; the transaction that lets go of a version lists it in `storage.discarded_bodies`. A process that
dies in between leaves a body that the sweep finds: the first kind by its age, the second by the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from uuid import UUID

import structlog

from monynha.core.actor import system_actor
from monynha.core.errors import AppError
from monynha.core.serialization import parse_uuid
from monynha.infra.postgres.database import Database
from monynha.infra.storage import ObjectStore

BODIES_FOLDER = "bodies/"
RENDERINGS_FOLDER = "renderings/"
_ACTOR = system_actor("storage")
_PREFIX_LENGTH = 6
_PREFIX_SPAN_MS = 2 ** (48 - 4 * _PREFIX_LENGTH)
"""The folder of a version is the beginning of its time: 4 hours and 40 minutes share a folder."""
_MIN_AGE = timedelta(hours=25)
"""An upload takes at most a day: 1 GB at the least speed is 18 hours, and a resumable upload expires after 24."""
_BATCH = 1000
_log = structlog.get_logger("monynha.storage")

_LIST_UNREFERENCED = """
select candidate.version from unnest($1::text[]) as candidate (version)
where not exists (select from storage.objects o where o.version = candidate.version)
  and not exists (select from storage.resumable_uploads u where u.id::text = candidate.version)
"""

_IS_USED = "select to_json(exists (select from storage.objects o where o.version = $2::text))"


def new_version(now: datetime) -> str:
    """Return a new version, a UUID of version 7."""
    milliseconds = int(now.timestamp() * 1000) & (2**48 - 1)
    value = bytearray(milliseconds.to_bytes(6, "big") + token_bytes(10))
    value[6] = 0x70 | value[6] & 0x0F
    value[8] = 0x80 | value[8] & 0x3F
    return str(UUID(bytes=bytes(value)))


def _created_at(version: UUID) -> datetime:
    """Return when a version was chosen."""
    return datetime.fromtimestamp((version.int >> 80) / 1000, UTC)


def body_key(version: str) -> str:
    """Return the key of a version's body in the object store."""
    return f"{BODIES_FOLDER}{version[:_PREFIX_LENGTH]}/{version}"


def renderings_folder(version: str) -> str:
    """Return the folder of what is made of a version on demand, and deleted with it."""
    return f"{RENDERINGS_FOLDER}{version[:_PREFIX_LENGTH]}/{version}/"


@dataclass(eq=False)
class BodyCollector:
    """Deletes bodies that no object refers to."""

    database: Database
    store: ObjectStore
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _is_requested: bool = field(default=False, init=False)

    def request(self) -> None:
        """Delete what was discarded soon, in the background; after a commit that may have discarded bodies."""
        self._is_requested = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Wait for the deletions that were requested."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._is_requested:
            self._is_requested = False
            try:
                await self.collect()
            except Exception as error:
                # The next request, or the sweep, deletes them.
                _log.warning("bodies could not be deleted", err={"type": type(error).__name__})

    async def collect(self) -> int:
        """Delete the bodies of all discarded versions; return how many there were."""
        count = 0
        while True:
            async with self.database.as_actor(_ACTOR).transaction() as transaction:
                rows = await transaction.fetch_rows(
                    "select version from storage.discarded_bodies order by discarded_at limit $1", _BATCH
                )
            versions = [row["version"] for row in rows]
            if not versions:
                return count
            await self.delete(versions)
            async with self.database.as_actor(_ACTOR).transaction() as transaction:
                await transaction.execute(
                    "delete from storage.discarded_bodies where version = any ($1::text[])", versions
                )
            count += len(versions)

    async def is_used(self, version: str) -> bool:
        """Whether an object has the version, whoever may see it."""
        return await self.database.as_actor(_ACTOR).fetch_as_system(_IS_USED, version) == b"true"

    async def discard_unused(self, version: str) -> None:
        """Delete the body of an object that could not be written.

        A commit whose answer was lost has written it all the same: its body stays. Where neither can be told now, the
        sweep will.
        """
        try:
            if not await self.is_used(version):
                await self.store.delete((body_key(version),))
        except (AppError, asyncio.CancelledError):
            return

    async def delete(self, versions: Iterable[str]) -> None:
        """Delete bodies, and what was rendered of them."""
        keys = []
        for version in versions:
            keys.append(body_key(version))
            keys += [info.key async for info in self.store.list_objects(renderings_folder(version))]
        await self.store.delete(keys)

    async def sweep(self, now: datetime, *, since: timedelta = timedelta(days=8)) -> int:
        """Delete what killed processes left behind; return how many bodies that were.

        Looks at the bodies that are older than a day and not older than `since`; an earlier sweep has seen the others.
        Raises StorageUnavailableError if the store does not answer.
        """
        count = await self.collect()
        await self.store.delete_unfinished(now - _MIN_AGE)
        latest = int((now - _MIN_AGE).timestamp() * 1000)
        start = int((now - since).timestamp() * 1000) // _PREFIX_SPAN_MS
        for prefix in range(start, latest // _PREFIX_SPAN_MS + 1):
            for folder in (BODIES_FOLDER, RENDERINGS_FOLDER):
                count += await self._sweep_folder(f"{folder}{prefix:0{_PREFIX_LENGTH}x}/", now - _MIN_AGE)
        return count

    async def _sweep_folder(self, folder: str, before: datetime) -> int:
        count, versions = 0, list[str]()
        async for info in self.store.list_objects(folder):
            version = parse_uuid(info.key.removeprefix(folder)[:36])
            # Not by the time of the file: a copy shares the file of the original.
            if version is not None and _created_at(version) < before:
                versions.append(str(version))
            if len(versions) >= _BATCH:
                count += await self._delete_unreferenced(versions)
                versions = []
        return count + await self._delete_unreferenced(versions)

    async def _delete_unreferenced(self, versions: list[str]) -> int:
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            rows = await transaction.fetch_rows(_LIST_UNREFERENCED, list(dict.fromkeys(versions)))
        unreferenced = [row["version"] for row in rows]
        await self.delete(unreferenced)
        for version in unreferenced:
            await self.store.delete_parts(body_key(version))
        return len(unreferenced)

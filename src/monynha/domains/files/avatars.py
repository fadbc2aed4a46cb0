"""Pictures of users: square, public, and each under the hash of its content and its user."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.core.errors import NotFoundError, PayloadTooLargeError, UnavailableError, ValidationFailedError
from monynha.infra.images import ImagePool, ImageProcessError, ImageRefusedError
from monynha.infra.postgres.database import Database
from monynha.infra.storage import ObjectExistsError, ObjectMissingError, ObjectStore

CONTENT_TYPE = "image/webp"
PATH_PREFIX = "/api/v1/avatars/"
_MAX_BYTES = 20 * 1024 * 1024
_TOO_LARGE = "A picture may have at most 20 MB."
_FOLDER = "avatars/"
_HASH = re.compile(r"[0-9a-f]{32}")
_MIN_AGE = timedelta(hours=1)
"""A picture is stored before its address: the sweep leaves it alone meanwhile."""
_BATCH = 1000
_ACTOR = system_actor("avatars")
_USED_AVATARS = "select used from monynha.used_avatars($1) as used"


@dataclass(frozen=True)
class Avatars:
    """Stores and reads pictures of users."""

    database: Database
    store: ObjectStore
    images: ImagePool

    async def add(self, user_id: UUID, chunks: AsyncIterator[bytes]) -> str:
        """Store a picture and return its address on this server.

        Raises PayloadTooLargeError, and ValidationFailedError for what is no image.
        """
        with TemporaryDirectory(prefix="monynha-avatar-") as name:
            source, target = Path(name) / "source", Path(name) / "target"
            await _write(source, chunks)
            try:
                await self.images.crop_avatar(source, target)
            except ImageRefusedError as refusal:
                raise ValidationFailedError(file=str(refusal)) from refusal
            except ImageProcessError as error:
                raise UnavailableError() from error
            body = await asyncio.to_thread(target.read_bytes)
        # The user's id is part of it, so that no two users share a picture, which one of them might delete.
        hash = hashlib.sha256(user_id.bytes + body).hexdigest()[:32]
        try:
            await self.store.put(_key(hash), body)
        except ObjectExistsError:
            return PATH_PREFIX + hash
        return PATH_PREFIX + hash

    async def read(self, hash: str) -> bytes:
        """Return a picture; NotFoundError."""
        if not _HASH.fullmatch(hash):
            raise NotFoundError("Picture not found.")
        try:
            return await self.store.read(_key(hash))
        except ObjectMissingError:
            raise NotFoundError("Picture not found.") from None

    async def discard(self, address: str | None) -> None:
        """Delete a picture that was a user's until now; addresses on other servers are ignored."""
        hash = (address or "").removeprefix(PATH_PREFIX)
        if _HASH.fullmatch(hash) and not await self._used([hash]):
            await self.store.delete((_key(hash),))

    async def sweep(self, now: datetime) -> int:
        """Delete the pictures that are no user's, whose account was deleted or whose upload died; return how many."""
        count, hashes = 0, list[str]()
        async for info in self.store.list_objects(_FOLDER):
            if info.modified_at < now - _MIN_AGE:
                hashes.append(info.key.rpartition("/")[2])
            if len(hashes) == _BATCH:
                count += await self._delete_unused(hashes)
                hashes = []
        return count + await self._delete_unused(hashes)

    async def _delete_unused(self, hashes: list[str]) -> int:
        used = await self._used(hashes)
        unused = [hash for hash in hashes if hash not in used]
        await self.store.delete(map(_key, unused))
        return len(unused)

    async def _used(self, hashes: list[str]) -> set[str]:
        async with self.database.as_actor(_ACTOR).transaction() as transaction:
            return {row["used"] for row in await transaction.fetch_rows(_USED_AVATARS, hashes)}


def _key(hash: str) -> str:
    return f"{_FOLDER}{hash[:2]}/{hash}"


async def _write(target: Path, chunks: AsyncIterator[bytes]) -> None:
    size = 0
    with target.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > _MAX_BYTES:
                raise PayloadTooLargeError(_TOO_LARGE)
            await asyncio.to_thread(file.write, chunk)

"""The protocol of an object store: bodies by key, written once and never changed, and their errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monynha.core.errors import UnavailableError

READ_CHUNK_BYTES = 256 * 1024
"""How much of a body is read at once: large enough for few system calls, small enough for many slow readers."""
WRITE_CHUNK_BYTES = 1024 * 1024
"""How much of a body is collected before it is written."""


class ObjectMissingError(Exception):
    """There is no object with this key."""


class ObjectExistsError(Exception):
    """There is an object with this key already; nothing was written."""


class StorageUnavailableError(UnavailableError):
    """The storage of files is temporarily unavailable, please try again."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object's key, its size in bytes, and when it was written."""

    key: str
    size: int
    modified_at: datetime


class ObjectStore(Protocol):
    """Bodies by key.

    A key is a relative path of letters, digits, `-`, `_`, `.` and `/`, which the program chooses: names that clients
    choose are never keys. An object is there as a whole or not at all, whenever the process dies. Every method raises
    StorageUnavailableError if the store does not answer.
    """

    async def put(self, key: str, body: bytes | AsyncIterable[bytes | bytearray]) -> int:
        """Write a new object and return its size; raise ObjectExistsError if the key is taken.

        A body is taken from its iterator as fast as it is written. What the iterator raises is raised here, and
        nothing is stored.
        """

    async def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes from `start` up to `end` (exclusive), all by default; for objects that fit in memory.

        Raises ObjectMissingError.
        """

    def stream(self, key: str, start: int, end: int) -> AsyncGenerator[bytes | bytearray]:
        """Yield the bytes from `start` up to `end` (exclusive) in chunks; raise ObjectMissingError at the first.

        An object that is deleted meanwhile is still read to its end where the store allows it; otherwise the
        generator raises.
        """

    async def head(self, key: str) -> ObjectInfo:
        """Return what is known about an object; raise ObjectMissingError."""

    async def copy(self, source: str, destination: str) -> None:
        """Copy an object to a new key within the store; raise ObjectMissingError, ObjectExistsError."""

    async def rename(self, source: str, destination: str) -> None:
        """Move an object to a new key within the store; raise ObjectMissingError, ObjectExistsError."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that do not exist are ignored."""

    def list_objects(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the objects below a folder; `prefix` ends with a slash."""

    async def write_part(self, key: str, offset: int, data: bytes | bytearray) -> None:
        """Store a part of an object that is uploaded in several requests; it is durable when this returns.

        Parts are written in order, each at the end of the part before; one that is written again replaces the first.
        """

    async def join_parts(self, key: str, size: int) -> None:
        """Make an object of the parts of a key, `size` bytes in all; the parts are gone then.

        Raises ObjectMissingError if there are none, unless the object itself exists with that size: then a process
        died after it had joined them.
        """

    async def delete_parts(self, key: str) -> None:
        """Delete the parts of a key that will not be joined."""

    async def delete_unfinished(self, before: datetime) -> None:
        """Delete what writes left behind whose process died, if it is older than `before`."""

    async def is_reachable(self) -> bool:
        """Whether the store answers."""

    async def close(self) -> None:
        """End the threads and connections of the store."""

"""Bodies in a bucket of S3 and what speaks its protocol, Google Cloud Storage, or Azure Blob Storage, by obstore.

A body that is streamed becomes a multipart upload. One whose process dies leaves parts that the bucket's lifecycle
rules delete ("abort incomplete multipart uploads"); nothing else of it is visible.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from monynha.infra.storage.object_store import (
    READ_CHUNK_BYTES,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

_PART_BYTES = 8 * 1024 * 1024
_CONCURRENT_PARTS = 2
"""How many parts of one body are sent at once: they are in memory until they are stored."""
_LIST_PAGE = 1000
_AZURE_NAMES = {"account": "account_name"}


class _SharedOptions(TypedDict):
    """The options that the stores of all clouds take."""

    prefix: str | None
    client_options: ClientConfig
    retry_config: RetryConfig


@dataclass(frozen=True)
class CloudStore:
    """An object store in a cloud's bucket."""

    store: S3Store | GCSStore | AzureStore

    @classmethod
    def open(
        cls,
        scheme: str,
        bucket: str,
        prefix: str,
        *,
        access_key: str = "",
        secret_key: str = "",
        options: Mapping[str, str],
    ) -> CloudStore:
        """Return the store of a bucket; nothing is asked of the cloud yet. Raises ValueError or obstore's errors."""
        shared: _SharedOptions = {
            "prefix": prefix or None,
            "client_options": {
                "allow_http": options.get("endpoint", "").startswith("http:"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(minutes=10),
            },
            "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
        }
        config = {_AZURE_NAMES.get(name, name) if scheme == "az" else name: value for name, value in options.items()}
        if access_key:
            config |= {"access_key_id": access_key, "secret_access_key": secret_key}
        kinds: dict[str, Callable[..., S3Store | GCSStore | AzureStore]] = {
            "s3": S3Store,
            "gs": GCSStore,
            "az": AzureStore,
        }
        return cls(kinds[scheme](bucket, **shared, **config))

    async def put(self, key: str, body: bytes | AsyncIterable[bytes | bytearray]) -> int:
        """Write a new object and return its size."""
        if isinstance(body, bytes) and len(body) <= _PART_BYTES:
            with _translated(key, is_write=True):
                await obstore.put_async(self.store, key, body, mode="create")
            return len(body)
        if await self._exists(key):
            raise ObjectExistsError(key)
        counted = _CountedChunks(body)
        with _translated(key, counted, is_write=True):
            await obstore.put_async(
                self.store, key, counted.chunks(), chunk_size=_PART_BYTES, max_concurrency=_CONCURRENT_PARTS
            )
        return counted.size

    async def _exists(self, key: str) -> bool:
        try:
            await self.head(key)
        except ObjectMissingError:
            return False
        return True

    async def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a range, all by default."""
        if end is not None and end <= start:
            return b""
        with _translated(key):
            if end is not None:
                return bytes(await obstore.get_range_async(self.store, key, start=start, end=end))
            result = await obstore.get_async(self.store, key, options={"range": {"offset": start}} if start else None)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, start: int, end: int) -> AsyncGenerator[bytes | bytearray]:
        """Yield the bytes of a range in chunks."""
        if start >= end:
            return
        with _translated(key):
            result = await obstore.get_async(self.store, key, options={"range": (start, end)})
            async for chunk in result.stream(min_chunk_size=READ_CHUNK_BYTES):
                yield bytes(chunk)

    async def head(self, key: str) -> ObjectInfo:
        """Return what is known about an object."""
        with _translated(key):
            return _info(await obstore.head_async(self.store, key))

    async def copy(self, source: str, destination: str) -> None:
        """Copy an object within the cloud."""
        if await self._exists(destination):
            raise ObjectExistsError(destination)
        with _translated(source):
            await obstore.copy_async(self.store, source, destination)

    async def rename(self, source: str, destination: str) -> None:
        """Move an object to a new key: the clouds copy it."""
        await self.copy(source, destination)
        await self.delete((source,))

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        paths = list(keys)
        if not paths:
            return
        try:
            with _translated(paths[0]):
                await obstore.delete_async(self.store, paths)
        except ObjectMissingError:
            # Google reports what is gone already; the others are still to be deleted.
            for path in paths:
                try:
                    with _translated(path):
                        await obstore.delete_async(self.store, path)
                except ObjectMissingError:
                    continue

    async def list_objects(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the objects below a folder."""
        with _translated(prefix):
            async for page in obstore.list(self.store, prefix, chunk_size=_LIST_PAGE):
                for meta in page:
                    yield _info(meta)

    async def write_part(self, key: str, offset: int, data: bytes | bytearray) -> None:
        """Store a part as an object of its own; its key ends with the offset."""
        with _translated(key, is_write=True):
            await obstore.put_async(self.store, f"{_parts_folder(key)}{offset:020}", data, use_multipart=False)

    async def join_parts(self, key: str, size: int) -> None:
        """Stream the parts into one object, then delete them."""
        infos = [info async for info in self.list_objects(_parts_folder(key))]
        parts = sorted([info for info in infos if _offset(info) < size], key=_offset)
        if await self._exists(key) or not parts:
            if (await self.head(key)).size != size:
                raise ObjectMissingError(key)
        elif await self.put(key, self._read_parts(parts, size)) != size:
            await self.delete((key,))
            raise ObjectMissingError(key)
        await self.delete([info.key for info in infos])

    async def _read_parts(self, parts: list[ObjectInfo], size: int) -> AsyncGenerator[bytes | bytearray]:
        """Yield the bytes of the parts; where the next part begins before the end of one, it replaces that end."""
        ends = [*[_offset(part) for part in parts[1:]], size]
        for part, end in zip(parts, ends, strict=True):
            async for chunk in self.stream(part.key, 0, min(part.size, end - _offset(part))):
                yield chunk

    async def delete_parts(self, key: str) -> None:
        """Delete the objects of the parts."""
        await self.delete([info.key async for info in self.list_objects(_parts_folder(key))])

    async def delete_unfinished(self, before: datetime) -> None:
        """Do nothing: what a multipart upload leaves behind is deleted by the bucket's lifecycle rules."""

    async def is_reachable(self) -> bool:
        """Whether the bucket answers."""
        try:
            await self.head("monynha-probe")
        except ObjectMissingError:
            return True
        except StorageUnavailableError:
            return False
        return True

    async def close(self) -> None:
        """Do nothing: the connections belong to the library."""


class _CountedChunks:
    """The chunks of a body, their size, and what their source raised, which the library would wrap."""

    def __init__(self, body: bytes | AsyncIterable[bytes | bytearray]) -> None:
        self._body = body
        self.size = 0
        self.error: BaseException | None = None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the chunks."""
        if isinstance(self._body, bytes):
            self.size = len(self._body)
            for start in range(0, self.size, _PART_BYTES):
                yield self._body[start : start + _PART_BYTES]
            return
        try:
            async for chunk in self._body:
                self.size += len(chunk)
                yield bytes(chunk)
        except BaseException as error:
            self.error = error
            raise


@contextmanager
def _translated(key: str, source: _CountedChunks | None = None, *, is_write: bool = False) -> Iterator[None]:
    """Raise our own errors in place of the library's, whose texts may quote addresses and keys."""
    try:
        yield
    except FileNotFoundError as error:
        if is_write:
            # It is the bucket that is missing.
            raise StorageUnavailableError() from error
        raise ObjectMissingError(key) from None
    except AlreadyExistsError:
        raise ObjectExistsError(key) from None
    except (BaseError, OSError, ValueError) as error:
        if source is not None and source.error is not None:
            raise source.error from None
        raise StorageUnavailableError() from error


def _parts_folder(key: str) -> str:
    return f"{key}.parts/"


def _offset(part: ObjectInfo) -> int:
    return int(part.key.rpartition("/")[2])


def _info(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"])

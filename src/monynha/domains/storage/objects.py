"""Buckets' settings and stored objects as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypedDict, cast

import orjson

from monynha.domains.storage.names import DEFAULT_CACHE_CONTROL, DEFAULT_CONTENT_TYPE


class ObjectRow(TypedDict):
    """A row of `storage.objects` as JSON."""

    id: str
    bucket_id: str
    name: str
    owner: str | None
    owner_id: str | None
    version: str
    metadata: dict[str, object]
    user_metadata: dict[str, object] | None
    created_at: str
    updated_at: str
    last_accessed_at: str


OBJECT_JSON = (
    "json_build_object('id', o.id, 'bucket_id', o.bucket_id, 'name', o.name, 'owner', o.owner, "
    "'owner_id', o.owner_id, 'version', o.version, 'metadata', o.metadata, 'user_metadata', o.user_metadata, "
    "'created_at', o.created_at, 'updated_at', o.updated_at, 'last_accessed_at', o.last_accessed_at)"
)
"""SQL of an `ObjectRow`, of the row `o`."""


@dataclass(frozen=True)
class StoredObject:
    """An object: a name in a bucket, and what is known about its body."""

    row: ObjectRow

    @property
    def bucket_id(self) -> str:
        """The bucket."""
        return self.row["bucket_id"]

    @property
    def name(self) -> str:
        """The name, without the bucket."""
        return self.row["name"]

    @property
    def version(self) -> str:
        """The version, which names the body."""
        return self.row["version"]

    @property
    def size(self) -> int:
        """The size of the body in bytes."""
        return int(cast(int, self.row["metadata"].get("size", 0)))  # written by `NewObject.metadata`

    @property
    def content_type(self) -> str:
        """The media type."""
        return str(self.row["metadata"].get("mimetype") or DEFAULT_CONTENT_TYPE)

    @property
    def cache_control(self) -> str:
        """The value of Cache-Control."""
        return str(self.row["metadata"].get("cacheControl") or DEFAULT_CACHE_CONTROL)

    @property
    def etag(self) -> str:
        """The strong ETag: every body has a version of its own."""
        return f'"{self.version}"'

    @cached_property
    def modified_at(self) -> datetime:
        """When the body was stored."""
        return datetime.fromisoformat(str(self.row["metadata"].get("lastModified") or self.row["updated_at"]))

    @classmethod
    def from_json(cls, text: bytes) -> StoredObject:
        """Return the object of the JSON of its row."""
        return cls(orjson.loads(text))


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Whether a bucket is public, and the largest body that may be uploaded into it."""

    is_public: bool
    file_size_limit: int | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A bucket and an object of it, each None if it does not exist or the caller may not see it."""

    bucket: BucketSettings | None
    object: StoredObject | None


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that is to be written; its body has the version already, unless the size is None."""

    bucket_id: str
    name: str
    version: str
    content_type: str | None
    cache_control: str = DEFAULT_CACHE_CONTROL
    size: int | None = None
    user_metadata: Mapping[str, object] | None = None
    modified_at: datetime | None = None
    head: bytes = field(default=b"", repr=False)
    """The first bytes of the body, which tell its type."""

    @property
    def metadata(self) -> bytes:
        """The JSON of the column `metadata`."""
        return orjson.dumps(
            {
                "eTag": f'"{self.version}"',
                "size": self.size,
                "mimetype": self.content_type,
                "cacheControl": self.cache_control,
                "lastModified": self.modified_at,
                "contentLength": self.size,
                "httpStatusCode": 200,
            }
        )

    @property
    def user_metadata_json(self) -> bytes | None:
        """The JSON of the column `user_metadata`."""
        return None if self.user_metadata is None else orjson.dumps(self.user_metadata)

"""Object hooks: what later domains do when an object of one of their buckets is uploaded, moved or removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from monynha.core.actor import Actor
from monynha.domains.storage.objects import NewObject, StoredObject
from monynha.infra.postgres.database import Transaction


class ObjectHook(Protocol):
    """Runs in the same transaction as the change of an object in `bucket_id`, as the caller who makes it.

    What a hook raises rolls the change back, and the body is deleted.
    """

    @property
    def bucket_id(self) -> str:
        """The bucket whose objects it is about."""

    def content_type(self, declared: str, head: bytes) -> str:
        """Return the media type to store, from the declared one and the first bytes of the body.

        Raises an AppError to refuse the body.
        """

    def copied_metadata(self, metadata: Mapping[str, object]) -> Mapping[str, object]:
        """Return what a copy has of the metadata that the uploader of the original chose."""

    async def before_upload(self, transaction: Transaction, actor: Actor, upload: NewObject) -> None:
        """Refuse an upload, by raising an AppError, before its body is received; not called for small bodies.

        The transaction is rolled back. The size is None where the client has not declared it.
        """

    async def on_created(
        self, transaction: Transaction, actor: Actor, object: StoredObject, replaced: StoredObject | None
    ) -> None:
        """Handle a new object, or a new body of the object `replaced`."""

    async def on_moved(
        self, transaction: Transaction, actor: Actor, object: StoredObject, previous: StoredObject
    ) -> None:
        """Handle an object that has another name in the same bucket now."""

    async def on_removed(self, transaction: Transaction, actor: Actor, objects: Sequence[StoredObject]) -> None:
        """Handle objects that were deleted, or moved to another bucket."""

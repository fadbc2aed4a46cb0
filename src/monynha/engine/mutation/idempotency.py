"""Idempotency keys: a create that is sent twice is executed once (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.core.errors import ValidationFailedError
from monynha.infra.postgres.database import Database, Transaction

_CLAIM_SQL = """
insert into monynha.idempotency_keys as earlier (method, path, key, digest) values ($1, $2, $3, $4)
on conflict (user_id, method, path, key) do update
  set digest = excluded.digest, created_id = null, created_at = now()
  where earlier.created_at < now() - interval '24 hours'
returning true
"""
_FIND_SQL = """
select digest, created_id from monynha.idempotency_keys
where user_id = (select auth.uid()) and method = $1 and path = $2 and key = $3
"""
# Which keys are old is decided by the policy of the clean-up.
_DELETE_OLD_SQL = "delete from monynha.idempotency_keys where created_at < now() - interval '24 hours'"
_COMPLETE_SQL = """
update monynha.idempotency_keys set created_id = $4
where user_id = (select auth.uid()) and method = $1 and path = $2 and key = $3
"""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key for one create; it is valid for its user, method and path, for 24 hours."""

    method: str
    path: str
    key: str
    digest: bytes
    """The hash of the request's body."""

    async def claim(self, transaction: Transaction) -> UUID | None:
        """Return the id that an earlier request created with this key, None if this request is the first.

        The unique index makes a concurrent request wait until the first has committed or failed.
        ValidationFailedError if the earlier request had another body.
        """
        key_columns = (self.method, self.path, self.key)
        if await transaction.fetch_value(_CLAIM_SQL, *key_columns, self.digest):
            return None
        earlier = await transaction.fetch_row(_FIND_SQL, *key_columns)
        if earlier is None or earlier["digest"] != self.digest:
            raise ValidationFailedError(
                "The validation of the request failed: the Idempotency-Key was used with another body.",
                details={"Idempotency-Key": "was used with another body"},
            )
        created_id: UUID = earlier["created_id"]
        return created_id

    async def complete(self, transaction: Transaction, created_id: UUID) -> None:
        """Record the id of the created row."""
        await transaction.execute(_COMPLETE_SQL, self.method, self.path, self.key, created_id)


async def delete_old_keys(database: Database) -> int:
    """Delete the keys that are no longer valid, and return how many."""
    async with database.as_actor(system_actor("clean-up")).transaction() as transaction:
        return await transaction.execute(_DELETE_OLD_SQL)

"""Creates that are sent twice and happen once (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import ValidationFailedError
from monynha.infra.postgres.database import Transaction

_CLAIM_SQL = """
insert into monynha.idempotency_keys as known (method, path, key, digest) values ($1, $2, $3, $4)
on conflict (user_id, method, path, key) do update
  set digest = excluded.digest, created_id = null, created_at = now()
  where known.created_at < now() - interval '24 hours'
returning true
"""
_FIND_SQL = """
select digest, created_id from monynha.idempotency_keys
where user_id = (select auth.uid()) and method = $1 and path = $2 and key = $3
"""
_COMPLETE_SQL = """
update monynha.idempotency_keys set created_id = $4
where user_id = (select auth.uid()) and method = $1 and path = $2 and key = $3
"""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A create's own name: where it was sent, under which key, with which body."""

    method: str
    path: str
    key: str
    digest: bytes

    async def claim(self, transaction: Transaction) -> UUID | None:
        """Return the id that an earlier twin created, None for the first; a twin under way is waited for.

        The unique index makes the second wait until the first has committed or failed.
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
        """Remember what was created."""
        await transaction.execute(_COMPLETE_SQL, self.method, self.path, self.key, created_id)

"""Seals of the audit log: made each hour, checked by `monynha audit verify`, and kept when their events are deleted.

No writer waits for a seal. A transaction may commit an event after others with later numbers; a seal therefore covers
the numbers up to a horizon, and is made when every transaction that could still add one of them has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime

from monynha.core.actor import system_actor
from monynha.core.hashes import derive_key
from monynha.infra.postgres.database import Database

_AUDIT = system_actor("audit")
_PURPOSE = b"monynha audit seal"
_KEY_ID_LENGTH = 16
_PAUSE_S = 0.2
_MAX_WAITS = 50
"""How often a seal waits for transactions that are under way; then it is left to the next hour."""
_PAGE_SIZE = 200
_DIGEST_BYTES = 8
_MAX_NAMED_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it is reported: whoever keeps its number and hash elsewhere can prove later that it was there."""

    number: int
    hash: str
    event_count: int


@dataclass(frozen=True, slots=True)
class CheckedSeal:
    """What was found about a seal and its events."""

    number: int
    hash: str
    event_count: int
    found_count: int
    first_at: datetime
    last_at: datetime
    is_pruned: bool
    """Whether the retention has deleted its events."""
    is_chained: bool
    """Whether it follows from the seal before it."""
    is_intact: bool
    """Whether its events are those that were sealed."""
    is_signed: bool | None
    """Whether its signature is right; None if it was made with another key, or never."""
    changed_events: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of events that were `removed`, `added` or `altered`, as far as they are known; at most 100 of each."""


@dataclass(frozen=True)
class AuditSeals:
    """Makes and checks seals; `secret` signs them, so that access to the database alone cannot forge one."""

    database: Database
    secret: str = field(repr=False)

    async def seal(self) -> Seal | None:
        """Seal all events so far and return the newest seal; None if there was nothing to seal, or not yet."""
        # The first round may finish what an earlier attempt began.
        seals = [await self._seal_once() for _ in range(2)]
        return seals[1] or seals[0]

    async def check(self) -> AsyncGenerator[CheckedSeal]:
        """Yield all seals, oldest first, each compared with its events and with the one before."""
        last_number = 0
        while True:
            async with self.database.as_actor(_AUDIT).transaction() as transaction:
                rows = await transaction.fetch_rows(
                    "select * from monynha.check_audit_seals($1, $2)", last_number, _PAGE_SIZE
                )
            for row in rows:
                yield self._checked(dict(row))
                last_number = row["number"]
            if len(rows) < _PAGE_SIZE:
                return

    async def count_unsealed(self) -> int:
        """Return how many events are not sealed yet."""
        async with self.database.as_actor(_AUDIT).transaction() as transaction:
            count = await transaction.fetch_value("select monynha.count_unsealed_audit_events()")
        assert isinstance(count, int)  # count(*) is a bigint
        return count

    async def _seal_once(self) -> Seal | None:
        async with self.database.as_actor(_AUDIT).transaction() as transaction:
            await transaction.execute("select monynha.mark_audit_horizon()")
        for _ in range(_MAX_WAITS):
            async with self.database.as_actor(_AUDIT).transaction() as transaction:
                row = await transaction.fetch_row("select number, hash, event_count from monynha.seal_audit_events()")
                if row is not None:
                    signature, key_id = self._signature(row["hash"]), self._key_id
                    await transaction.execute(
                        "select monynha.sign_audit_seal($1, $2, $3)", row["number"], signature, key_id
                    )
                    return Seal(row["number"], row["hash"].hex(), row["event_count"])
                is_waiting = await transaction.fetch_value("select monynha.is_audit_horizon_marked()")
            if not is_waiting:
                return None
            await asyncio.sleep(_PAUSE_S)
        return None

    def _checked(self, row: dict[str, object]) -> CheckedSeal:
        values = {name: row[name] for name in ("number", "event_count", "found_count", "first_at", "last_at")}
        hash, signature = row["hash"], row["signature"]
        # The function returns bytea.
        assert isinstance(hash, bytes)
        is_signed = None
        if isinstance(signature, bytes) and row["key_id"] == self._key_id:
            is_signed = hmac.compare_digest(signature, self._signature(hash))
        return CheckedSeal(
            **values,  # type: ignore[arg-type]  # the columns have the types of the fields
            hash=hash.hex(),
            is_pruned=row["pruned_at"] is not None,
            is_chained=row["is_chained"] is True,
            is_intact=row["is_intact"] is True,
            is_signed=is_signed,
            changed_events=_changed_events(row["sealed_digests"], row["found_digests"]),
        )

    @property
    def _key(self) -> bytes:
        return derive_key(self.secret, _PURPOSE)

    @property
    def _key_id(self) -> str:
        return hashlib.sha256(self._key).hexdigest()[:_KEY_ID_LENGTH]

    def _signature(self, hash: bytes) -> bytes:
        return hmac.digest(self._key, hash, hashlib.sha256)


def _changed_events(sealed_digests: object, found_digests: object) -> dict[str, list[int]]:
    """Compare the events that were sealed with those that are there: numbers and beginnings of hashes."""
    if not isinstance(sealed_digests, bytes):
        return {}
    sealed = _digests_by_number(sealed_digests)
    present = _digests_by_number(found_digests) if isinstance(found_digests, bytes) else {}
    changes = {
        "removed": sealed.keys() - present.keys(),
        "added": present.keys() - sealed.keys(),
        "altered": {number for number in sealed.keys() & present.keys() if sealed[number] != present[number]},
    }
    return {change: sorted(numbers)[:_MAX_NAMED_EVENTS] for change, numbers in changes.items() if numbers}


def _digests_by_number(digests: bytes) -> dict[int, bytes]:
    step = 8 + _DIGEST_BYTES
    entries = (digests[start : start + step] for start in range(0, len(digests), step))
    return {int.from_bytes(entry[:8], signed=True): entry[8:] for entry in entries}

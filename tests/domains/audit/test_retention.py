"""Old audit events: deleted by seal, while the chain of seals stays whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from monynha.app.maintenance.audit_report import verify_audit_log
from monynha.domains.audit.retention import AuditRetention, OldSeal
from tests.domains.audit.conftest import SealedLog

pytestmark = pytest.mark.anyio


async def delete_before(log: SealedLog, before: datetime) -> int:
    """Delete what is older, as the clean-up does; return how many events."""
    retention, deleted = AuditRetention(log.database), 0
    while seal := await retention.fetch_oldest_seal(before):
        deleted += await retention.delete(seal)
    return deleted


async def test_the_events_of_a_seal_are_read_in_pages(sealed_log: SealedLog) -> None:
    await sealed_log.date_back(4)
    numbers = await sealed_log.seal(*(["session.created"] * 5))
    await sealed_log.record("session.ended")
    retention = AuditRetention(sealed_log.database, page_size=2)
    seal = await retention.fetch_oldest_seal(datetime.now(UTC))
    assert seal is not None

    pages = [[orjson.loads(line) for line in page] async for page in retention.read(seal)]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [event["number"] for page in pages for event in page] == numbers
    assert {event["action"] for page in pages for event in page} == {"session.created"}


async def test_a_seal_is_not_deleted_twice_nor_before_its_time(sealed_log: SealedLog) -> None:
    await sealed_log.date_back(4)
    await sealed_log.seal("user.signed_up")
    await sealed_log.date_back(0)
    await sealed_log.seal("session.created")
    retention, now = AuditRetention(sealed_log.database), datetime.now(UTC)

    deleted = [await retention.delete(OldSeal(number, 0, 0, now)) for number in (1, 1, 2, 3)]

    assert deleted == [1, 0, 0, 0]


async def test_the_retention_deletes_events_and_keeps_the_chain(sealed_log: SealedLog) -> None:
    await sealed_log.date_back(4)
    await sealed_log.seal("user.signed_up", "session.created")
    await sealed_log.date_back(2)
    cutoff = datetime.now(UTC) - timedelta(days=3)
    await sealed_log.seal("session.ended")
    await sealed_log.record("session.created")

    deleted = await delete_before(sealed_log, cutoff)
    deleted_again = await delete_before(sealed_log, cutoff)

    assert (deleted, deleted_again) == (2, 0)
    report = await verify_audit_log(sealed_log.seals)
    assert (report.findings, report.pruned_count, report.sealed_count, report.unsealed_count) == ([], 2, 3, 1)


async def test_what_is_not_sealed_is_not_deleted(sealed_log: SealedLog) -> None:
    await sealed_log.date_back(4)
    await sealed_log.record("user.signed_up")

    assert await delete_before(sealed_log, datetime.now(UTC)) == 0


async def test_the_last_day_is_not_deleted_whatever_the_program_demands(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up")

    assert await delete_before(sealed_log, datetime.now(UTC) + timedelta(days=1)) == 0


async def test_a_change_before_the_deletion_is_not_forgotten(sealed_log: SealedLog) -> None:
    await sealed_log.date_back(2)
    await sealed_log.seal("user.signed_up", "session.created")
    await sealed_log.tamper("delete from monynha.audit_events where number = 1")
    assert await delete_before(sealed_log, datetime.now(UTC)) == 1

    [finding] = await sealed_log.changes()

    assert "had been changed before" in finding.message

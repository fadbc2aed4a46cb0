"""Sealing: every change of a sealed event or of a seal shows, and no writer waits."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from monynha.app.maintenance.audit_report import verify_audit_log
from monynha.core.actor import system_actor
from monynha.domains.audit import record_audit_event
from monynha.domains.audit.jobs import SEAL_AUDIT_LOG, SealJob
from monynha.domains.audit.seals import AuditSeals
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.queue.job import Job
from monynha.infra.schedules import TickPayload
from tests.domains.audit.conftest import SealedLog

pytestmark = pytest.mark.anyio

TEST = system_actor("test")


async def test_a_log_that_nobody_touched_is_intact(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up", "session.created")
    await sealed_log.seal("session.ended")
    await sealed_log.record("session.created")

    report = await verify_audit_log(sealed_log.seals)

    assert report.findings == []
    assert (report.seal_count, report.sealed_count, report.unsealed_count) == (2, 3, 1)
    assert report.unsigned_count == 0


async def test_nothing_is_sealed_where_nothing_happened(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up")

    assert await sealed_log.seals.seal() is None
    assert (await verify_audit_log(sealed_log.seals)).seal_count == 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("delete from monynha.audit_events where number = 2", {"removed": [2]}),
        ("update monynha.audit_events set actor_id = gen_random_uuid() where number = 2", {"altered": [2]}),
        ("update monynha.audit_events set details = '{\"a\": 2}' where number = 2", {"altered": [2]}),
        (
            "update monynha.audit_events set created_at = created_at + interval '1 us' where number = 2",
            {"altered": [2]},
        ),
        ("update monynha.audit_events set target_type = 'x', target_id = null where number = 2", {"altered": [2]}),
        ("update monynha.audit_events set number = -number where number = 2", {"removed": [2]}),
        (
            "update monynha.audit_events e set (action, created_at) = (select o.action, o.created_at from "
            "monynha.audit_events o where o.number = 5 - e.number) where number in (2, 3)",
            {"altered": [2, 3]},
        ),
        ("delete from monynha.audit_events", {"removed": [1, 2, 3]}),
    ],
)
async def test_a_changed_event_is_found_and_named(
    sealed_log: SealedLog, statement: str, expected: dict[str, list[int]]
) -> None:
    assert await sealed_log.seal("user.signed_up", "session.created", "session.ended") == [1, 2, 3]
    await sealed_log.tamper(statement)

    [finding] = await sealed_log.changes()

    assert (finding.seal, finding.events) == (1, expected)


async def test_an_event_that_is_slipped_in_is_found(sealed_log: SealedLog) -> None:
    await sealed_log.record("user.signed_up")
    async with sealed_log.database.as_actor(TEST).transaction() as transaction, transaction.dry_run():
        await record_audit_event(transaction, "test.rolled_back")
    await sealed_log.seal("session.created")
    await sealed_log.tamper(
        "insert into monynha.audit_events (number, action, actor_role) values (2, 'user.forged', 'system')"
    )

    [finding] = await sealed_log.changes()

    assert finding.events == {"added": [2]}


@pytest.mark.parametrize(
    ("statement", "seals"),
    [
        ("delete from monynha.audit_seals where number = 2", [3]),
        ("update monynha.audit_seals set event_count = 5 where number = 2", [2, 2]),
        ("update monynha.audit_seals set hash = sha256('x') where number = 2", [2, 2, 3]),
        ("update monynha.audit_seals set signature = sha256('x') where number = 2", [2]),
    ],
)
async def test_a_changed_seal_is_found(sealed_log: SealedLog, statement: str, seals: list[int]) -> None:
    for action in ("user.signed_up", "session.created", "session.ended"):
        await sealed_log.seal(action)
    await sealed_log.tamper(statement)

    assert [finding.seal for finding in await sealed_log.changes()] == seals


async def test_a_chain_that_is_made_anew_without_the_key_is_found(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up", "session.created")
    await sealed_log.tamper("delete from monynha.audit_events where number = 2")
    await sealed_log.tamper("truncate monynha.audit_seals")
    await AuditSeals(sealed_log.database, "a guess").seal()
    await sealed_log.tamper("update monynha.audit_seals set key_id = $1", sealed_log.seals._key_id)

    [finding] = await sealed_log.changes()

    assert "signature is wrong" in finding.message


async def test_a_seal_that_was_kept_elsewhere_shows_that_the_end_was_cut_off(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up")
    await sealed_log.record("session.created")
    kept = await sealed_log.seals.seal()
    assert kept is not None
    assert await sealed_log.changes((kept.number, kept.hash)) == []

    await sealed_log.tamper("delete from monynha.audit_events where number = 2")
    await sealed_log.tamper("delete from monynha.audit_seals where number = 2")

    assert await sealed_log.changes() == []
    [finding] = await sealed_log.changes((kept.number, kept.hash))
    assert "is not in the chain" in finding.message


async def test_seals_of_a_key_that_was_changed_since_cannot_be_checked_and_are_counted(sealed_log: SealedLog) -> None:
    await sealed_log.seal("user.signed_up")

    report = await verify_audit_log(AuditSeals(sealed_log.database, "another secret"))

    assert (report.findings, report.unsigned_count) == ([], 1)


async def test_a_transaction_that_commits_late_is_sealed_later_and_nobody_waits(
    sealed_log: SealedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.domains.audit.seals._PAUSE_S", 0.01)
    monkeypatch.setattr("monynha.domains.audit.seals._MAX_WAITS", 5)
    async with sealed_log.database.as_actor(TEST).transaction() as transaction:
        await record_audit_event(transaction, "session.created")
        [later] = await sealed_log.record("session.ended")
        # The first number may still be committed: nothing is sealed past it.
        sealed_too_early = await sealed_log.seals.seal()
        async with asyncio.timeout(5):
            after = await sealed_log.record("user.signed_up")

    sealed = await sealed_log.seals.seal()

    assert (later, after) == (2, [3])
    assert sealed_too_early is None
    assert sealed is not None
    report = await verify_audit_log(sealed_log.seals)
    assert (report.findings, report.sealed_count, report.unsealed_count) == ([], 3, 0)


async def test_a_seal_that_waits_is_made_as_soon_as_the_transaction_ends(
    sealed_log: SealedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monynha.domains.audit.seals._PAUSE_S", 0.01)
    async with sealed_log.database.as_actor(TEST).transaction() as transaction:
        await record_audit_event(transaction, "session.created")
        sealing = asyncio.create_task(sealed_log.seals.seal())
        while not await sealed_log.read("select true from monynha.audit_horizon"):
            await asyncio.sleep(0.01)
        assert not sealing.done()

    seal = await sealing
    assert seal is not None
    assert seal.event_count == 1


async def test_writers_and_sealers_that_race_lose_nothing(sealed_log: SealedLog) -> None:
    async def write(count: int) -> None:
        for _ in range(count):
            async with sealed_log.database.as_actor(TEST).transaction() as transaction:
                await record_audit_event(transaction, "session.created")
                await asyncio.sleep(0)
                await record_audit_event(transaction, "session.ended")

    async def seal_repeatedly() -> None:
        while not writing.done():
            await sealed_log.seals.seal()

    writing = asyncio.gather(*(write(20) for _ in range(4)))
    await asyncio.gather(writing, seal_repeatedly(), seal_repeatedly())
    await sealed_log.seals.seal()

    report = await verify_audit_log(sealed_log.seals)
    assert report.findings == []
    assert (report.sealed_count, report.unsealed_count) == (160, 0)
    assert report.seal_count > 1


async def test_a_backup_of_a_busier_server_is_sealed_where_it_is_restored(sealed_log: SealedLog) -> None:
    """Transaction ids are those of a server: what waited there for an id has ended here."""
    await sealed_log.record("user.signed_up")
    await sealed_log.tamper("insert into monynha.audit_horizon values (true, 1, '9000000000')")

    seal = await sealed_log.seals.seal()

    assert seal is not None
    assert seal.event_count == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update monynha.audit_seals set hash = 'x'",
        "update monynha.audit_seals set signature = 'x'",
        "delete from monynha.audit_seals",
        "truncate monynha.audit_seals",
    ],
)
async def test_nobody_changes_a_seal(sealed_log: SealedLog, statement: str) -> None:
    await sealed_log.seal("user.signed_up")

    for name in ("audit", "auth", "clean-up"):
        with pytest.raises(ConstraintViolationError) as caught:
            async with sealed_log.database.as_actor(system_actor(name)).transaction() as transaction:
                await transaction.execute(statement)
        assert caught.value.is_permission_denied


async def test_the_job_reports_the_seal_to_whoever_keeps_its_result(sealed_log: SealedLog) -> None:
    await sealed_log.record("user.signed_up")
    job = SealJob(sealed_log.seals)

    tick = Job(UUID(int=0), SEAL_AUDIT_LOG.queue, TickPayload(""), 1, None, TEST, lambda _: None)
    first, second = await job.run(tick), await job.run(tick)

    assert isinstance(first, dict)
    assert first["number"] == 1
    assert await sealed_log.changes((1, str(first["hash"]))) == []
    assert second == {}

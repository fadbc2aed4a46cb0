"""The schedules of the program: when each runs, and what its job does when a worker runs it."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.app.composition.application import Application
from monynha.app.composition.schedules import CLEAN_UP, SCHEDULES, schedule_handlers, start_scheduler
from monynha.core.settings.settings import Settings
from monynha.domains.files.composition import FileServices
from monynha.domains.storage.bodies import body_key
from monynha.domains.storage.composition import StorageServices
from monynha.infra.postgres.database import Database
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.job_store import ClaimedJob, RecordedOutcome
from monynha.infra.schedules import CatchUp, Schedule, ScheduleRuns
from monynha.infra.storage import ObjectMissingError, StorageUnavailableError, open_store
from monynha.infra.storage.local_store import LocalStore
from tests.conditions import TIMEOUT_S
from tests.live_server import OwnerSql
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 27, 13, tzinfo=UTC)
_INSERT_SESSION = """
insert into auth.sessions (id, user_id, not_after) values ($1, $2, now() + $3::text::interval)
"""
_INSERT_TOKEN = """
insert into auth.one_time_tokens (user_id, kind, link_hash, code_hash, relates_to, expires_at)
values ($1, $2, $3, $3, 'a@example.com', now() + $4::text::interval)
"""
_INSERT_CODE = """
insert into auth.authorization_codes
  (user_id, code_hash, code_challenge, code_challenge_method, authentication_method, expires_at)
values ($1, $2, 'challenge', 's256', 'otp', now() + $3::text::interval)
"""
_INSERT_KEY = """
insert into monynha.idempotency_keys (user_id, method, path, key, digest, created_at)
values ($1, 'POST', '/projects', $2, '', now() - $3::text::interval)
"""


def test_each_schedule_runs_at_its_time_in_utc() -> None:
    ticks = {schedule.name: schedule.next_tick(NOW) for schedule in SCHEDULES}

    assert ticks == {
        "clean-up": datetime(2026, 11, 28, 2, tzinfo=UTC),
        "seal-audit-log": datetime(2026, 11, 27, 14, tzinfo=UTC),
        "weekly-report": datetime(2026, 11, 30, 9, tzinfo=UTC),
        "daily-analytics": datetime(2026, 11, 28, 0, 30, tzinfo=UTC),
        "monthly-analytics": datetime(2026, 12, 1, 1, tzinfo=UTC),
    }
    assert {schedule.name for schedule in SCHEDULES if schedule.catch_up is CatchUp.EVERY} == {
        "daily-analytics",
        "monthly-analytics",
    }


def test_the_month_is_counted_after_its_last_day() -> None:
    daily, monthly = (next(s for s in SCHEDULES if s.name == name) for name in ("daily-analytics", "monthly-analytics"))

    first_of_month = datetime(2026, 12, 1, tzinfo=UTC)
    assert daily.next_tick(first_of_month) < monthly.next_tick(first_of_month)


async def test_each_schedule_has_a_handler(settings: Settings, program: Application) -> None:
    handlers = schedule_handlers(settings, program.database, program.storage, program.files)
    queues = sorted(handler.queue for handler in handlers)

    assert queues == sorted(schedule.queue for schedule in SCHEDULES)


async def run_by_worker(database: Database, owner_sql: OwnerSql, schedule: Schedule, tick: datetime) -> Any:
    """Enqueue the job of a tick, wait until the program's worker has done it, and return its result."""
    job_id = await ScheduleRuns(database).enqueue_now(schedule, tick)
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            [job] = await owner_sql("select state, result, last_error from monynha.jobs where id = $1", job_id)
            if job["state"] not in ("ready", "active"):
                break
            await asyncio.sleep(0.02)
    assert (job["state"], job["last_error"]) == ("completed", None)
    return job["result"] and json.loads(job["result"])


_LEAST_DELETED = {"sessions": 1, "tokens": 2, "knownDevices": 1, "idempotencyKeys": 1}
_INSERT_DEVICE = """
insert into auth.known_devices (user_id, device, network, last_seen_at) values ($1, $2, '', now() - $3::text::interval)
"""


async def insert_credentials(owner_sql: OwnerSql, user: ApiUser, state: str) -> UUID:
    """Insert a session, a token, a code, a device and a key that are `old` or `new`; return the id of the session."""
    session_id, name = uuid4(), uuid4().hex
    expiry = "-1 second" if state == "old" else "1 hour"
    await owner_sql(_INSERT_SESSION, session_id, user.id, expiry)
    await owner_sql(_INSERT_TOKEN, user.id, "recovery" if state == "old" else "magiclink", name, expiry)
    await owner_sql(_INSERT_CODE, user.id, name, expiry)
    await owner_sql(_INSERT_DEVICE, user.id, state, "400 days 1 minute" if state == "old" else "399 days")
    await owner_sql(_INSERT_KEY, user.id, state, "24 hours 1 minute" if state == "old" else "23 hours 59 minutes")
    return session_id


async def test_the_clean_up_deletes_what_has_expired_and_nothing_else(
    user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    await insert_credentials(owner_sql, user, "old")
    new_session = await insert_credentials(owner_sql, user, "new")

    result = await run_by_worker(database, owner_sql, CLEAN_UP, datetime(2026, 11, 27, 2, tzinfo=UTC))

    assert set(result) == {
        "sessions",
        "tokens",
        "knownDevices",
        "anonymousUsers",
        "applications",
        "invitations",
        "idempotencyKeys",
        "uploads",
        "exports",
        "files",
        "events",
        "auditEvents",
    }
    assert [result[name] >= least for name, least in _LEAST_DELETED.items()] == [True] * len(_LEAST_DELETED)
    assert result["events"] == 0
    sessions = await owner_sql("select id from auth.sessions where user_id = $1", user.id)
    assert {row["id"] for row in sessions} == {user.session_id, new_session}
    for statement, remaining in (
        ("select kind from auth.one_time_tokens where user_id = $1", ["magiclink"]),
        ("select authentication_method from auth.authorization_codes where user_id = $1", ["otp"]),
        ("select key from monynha.idempotency_keys where user_id = $1", ["new"]),
        ("select device from auth.known_devices where user_id = $1", ["new"]),
    ):
        assert [row[0] for row in await owner_sql(statement, user.id)] == remaining


async def run_by_hand(
    program: Application, settings: Settings, queue: str, payload: dict[str, str]
) -> RecordedOutcome | None:
    """Run the handler of a queue with settings of its own."""
    storage = StorageServices.build(settings, program.database, open_store(settings.storage_url))
    files = FileServices.build(settings, program.database, storage, program.files.images)
    handlers = schedule_handlers(settings, program.database, storage, files)
    [handler] = [handler for handler in handlers if handler.queue == queue]
    claimed = ClaimedJob(uuid4(), queue, payload, 1, None)
    try:
        return await Attempt(claimed, handler, program.database, claimed_at=0).run()
    finally:
        await storage.close()


TICK = {"tick": "2026-11-27T02:00:00.000000Z"}


async def test_old_events_go_to_the_storage_url_and_are_deleted(
    user: ApiUser, program: Application, owner_sql: OwnerSql, tmp_path: Path
) -> None:
    project = await user.create_project()
    await owner_sql("delete from monynha.events where at < now() - interval '1 day'")
    await owner_sql("update monynha.events set at = '2018-05-05 12:00Z' where stream = $1", UUID(project["id"]))
    settings = Settings.read({"STORAGE_URL": tmp_path.as_uri(), "MONYNHA_EVENTS_RETENTION_DAYS": "30"})

    outcome = await run_by_hand(program, settings, "clean-up", TICK)

    assert outcome is not None
    assert outcome.outcome == "completed"
    assert isinstance(outcome.result, dict)
    assert outcome.result["events"] == 2
    assert await owner_sql("select from monynha.events where stream = $1", UUID(project["id"])) == []
    [path] = (tmp_path / "archive/events/2018/05").glob("2018-05-05-*.jsonl.gz")
    events = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [(event["resource"], event["verb"]) for event in events] == [("members", "insert"), ("projects", "insert")]


async def test_a_storage_that_is_away_fails_the_job_and_deletes_no_event(
    user: ApiUser, program: Application, owner_sql: OwnerSql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await user.create_project()
    await owner_sql("update monynha.events set at = '2018-05-05 12:00Z' where stream = $1", UUID(project["id"]))
    settings = Settings.read({"STORAGE_URL": tmp_path.as_uri(), "MONYNHA_EVENTS_RETENTION_DAYS": "30"})

    async def fail(*_: object) -> int:
        raise StorageUnavailableError()

    monkeypatch.setattr(LocalStore, "put", fail)
    outcome = await run_by_hand(program, settings, "clean-up", TICK)

    assert outcome is not None
    assert outcome.outcome == "failed"
    assert len(await owner_sql("select from monynha.events where stream = $1", UUID(project["id"]))) == 2


async def test_the_clean_up_deletes_uploads_that_expired_and_bodies_without_an_object(
    program: Application, database: Database, owner_sql: OwnerSql
) -> None:
    await owner_sql(
        "insert into storage.resumable_uploads "
        "(id, bucket_id, name, is_service, is_upsert, content_type, cache_control, upload_metadata, expires_at) "
        "values ($1, 'project-files', 'a', false, false, 'text/plain', '', '', now() - interval '1 second')",
        uuid4(),
    )
    version = str(uuid4())
    await program.storage.store.put(body_key(version), b"nobody's")
    await owner_sql("insert into storage.discarded_bodies (version) values ($1)", version)

    await run_by_worker(database, owner_sql, CLEAN_UP, datetime(2026, 11, 26, 2, tzinfo=UTC))

    assert await owner_sql("select from storage.resumable_uploads where expires_at < now()") == []
    with pytest.raises(ObjectMissingError):
        await program.storage.store.head(body_key(version))


@pytest.mark.parametrize("name", ["weekly-report", "daily-analytics", "monthly-analytics"])
async def test_the_jobs_of_the_other_schedules_are_done_by_a_worker(
    database: Database, owner_sql: OwnerSql, name: str
) -> None:
    [schedule] = [schedule for schedule in SCHEDULES if schedule.name == name]

    result = await run_by_worker(database, owner_sql, schedule, schedule.latest_tick(datetime(1996, 3, 2, tzinfo=UTC)))

    assert result == ({"mails": 0} if name == "weekly-report" else None)
    if name != "weekly-report":
        period, day = ("day", "1996-02-29") if name == "daily-analytics" else ("month", "1996-02-01")
        counted = await owner_sql(
            "select users from monynha.analytics where period = $1 and starts_on = $2::text::date", period, day
        )
        assert [row["users"] for row in counted] == [0]


async def test_a_job_whose_tick_is_none_fails(program: Application, settings: Settings) -> None:
    outcome = await run_by_hand(program, settings, "weekly-report", {"tick": "never"})

    assert outcome is not None
    assert outcome.outcome == "failed"


async def test_the_program_runs_its_schedules(program: Application, owner_sql: OwnerSql) -> None:
    """A scheduler that has just started for the first time records where each schedule starts."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            rows = await owner_sql("select distinct schedule from monynha.schedule_runs")
            if {schedule.name for schedule in SCHEDULES} <= {row["schedule"] for row in rows}:
                break
            await asyncio.sleep(0.05)

    assert program.scheduler is not None
    assert not program.scheduler.done()


async def test_no_scheduler_runs_without_its_service(database: Database) -> None:
    assert start_scheduler(Settings.read({"MONYNHA_SERVICES": "api,worker"}), database) is None

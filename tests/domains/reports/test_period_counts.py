"""Analytics: what is counted of a day and of a month, in hand-made rows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.domains.reports.period_counts import Analytics, read_analytics
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

MONTH = date(1999, 2, 1)
"""A month before any other test's rows; February, so that a wrong length of the month is found."""
NOON = datetime(1999, 2, 10, 12, tzinfo=UTC)
_EVENT = """
insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


@pytest.fixture
async def clean_rows(owner_sql: OwnerSql) -> None:
    """Delete what an earlier test inserted into the month."""
    await owner_sql("delete from monynha.events where at < '2000-01-01'")
    await owner_sql("delete from monynha.analytics where starts_on < '2000-01-01'")
    await owner_sql("delete from monynha.jobs where finished_at < '2000-01-01'")
    await owner_sql("delete from storage.objects where created_at < '2000-01-01'")
    await owner_sql("update public.users set created_at = '2001-01-01' where created_at < '2000-01-01'")
    await owner_sql("update public.projects set created_at = '2001-01-01' where created_at < '2000-01-01'")


class Rows:
    """Inserts rows at chosen times."""

    def __init__(self, owner_sql: OwnerSql) -> None:
        self.owner_sql = owner_sql
        self.stream = uuid4()
        self.version = 0

    async def event(
        self,
        at: datetime,
        verb: str,
        task: UUID,
        actor: UUID,
        *,
        status: str | None = "todo",
        old: dict[str, Any] | None = None,
        kind: str = "project",
    ) -> None:
        """Insert the event of a task."""
        self.version += 1
        new = None if status is None else json.dumps({"status": status})
        await self.owner_sql(
            *(_EVENT, kind, self.stream, self.version, at, "tasks", verb, task, new, old and json.dumps(old), actor)
        )

    async def job(self, finished_at: datetime, state: str = "completed") -> None:
        """Insert a job that ended."""
        await self.owner_sql(
            "insert into monynha.jobs (queue, state, payload, run_at, finished_at) values ('test', $1, '{}', $2, $2)",
            state,
            finished_at,
        )

    async def object(self, created_at: datetime, size: int) -> None:
        """Insert a stored object."""
        await self.owner_sql(
            "insert into storage.buckets (id, name) values ('analytics', 'analytics') on conflict do nothing"
        )
        await self.owner_sql(
            "insert into storage.objects (bucket_id, name, version, metadata, created_at) "
            "values ('analytics', $1, $1, jsonb_build_object('size', $2::bigint), $3)",
            uuid4().hex,
            size,
            created_at,
        )


async def fill_month(rows: Rows, user: ApiUser) -> None:
    """Insert what a careless count gets wrong, on 9, 10 and 11 February 1999."""
    ada, bob = uuid4(), uuid4()
    one_day = timedelta(days=1)
    midnight = NOON.replace(hour=0)
    tasks = [uuid4() for _ in range(5)]
    # Before the day, at its first moment, at its last, and after it.
    await rows.event(midnight - timedelta(microseconds=1), "insert", tasks[0], ada)
    await rows.event(midnight, "insert", tasks[1], ada)
    await rows.event(midnight + one_day - timedelta(microseconds=1), "insert", tasks[2], ada)
    await rows.event(midnight + one_day, "insert", tasks[3], bob)
    # Done and reopened; done twice; done and deleted; done and then renamed; another stream of the same task.
    await rows.event(NOON, "update", tasks[0], ada, status="done", old={"status": "todo"})
    await rows.event(NOON, "update", tasks[0], ada, status="todo", old={"status": "done"})
    for status, before in (("done", "todo"), ("todo", "done"), ("done", "todo")):
        await rows.event(NOON, "update", tasks[1], ada, status=status, old={"status": before})
    await rows.event(NOON, "update", tasks[2], ada, status="done", old={"status": "todo"})
    await rows.event(NOON, "delete", tasks[2], ada, status=None, old={"status": "done"})
    await rows.event(NOON, "update", tasks[3], ada, status="done", old={"status": "todo"})
    await rows.event(NOON + timedelta(hours=1), "update", tasks[3], bob, status="done", old={"title": "A"})
    await rows.event(NOON, "insert", tasks[4], ada, kind="user")
    for finished_at in (midnight, NOON, midnight + one_day):
        await rows.job(finished_at)
    await rows.job(NOON, "dead")
    await rows.object(NOON - one_day, 100)
    await rows.object(NOON, 23)
    await rows.owner_sql("update public.users set created_at = $1 where id = $2", NOON, user.id)
    project = await user.create_project()
    await rows.owner_sql(
        "update public.projects set created_at = $1 where id = $2", NOON + one_day, UUID(project["id"])
    )


async def read(database: Database, admin: ApiUser, first_day: date, last_day: date) -> dict[str, Any]:
    analytics: dict[str, Any] = json.loads(await read_analytics(database.as_actor(admin.actor), first_day, last_day))
    return analytics


def counts(period: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in period.items() if name not in ("date", "month")}


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    return await users.create("Root", is_admin=True)


@pytest.mark.usefixtures("clean_rows")
async def test_a_day_is_counted_from_its_rows(
    database: Database, owner_sql: OwnerSql, user: ApiUser, admin: ApiUser
) -> None:
    await fill_month(Rows(owner_sql), user)
    analytics = Analytics(database, None)

    for day in range(9, 12):
        await analytics.store_day(datetime(1999, 2, day + 1, 0, 30, tzinfo=UTC))

    stored = await read(database, admin, date(1999, 2, 9), date(1999, 2, 11))
    assert (stored["from"], stored["to"], stored["months"]) == ("1999-02-09", "1999-02-11", [])
    assert stored["days"] == [
        {
            "date": "1999-02-09",
            **{"users": 0, "activeUsers": 1, "projects": 0, "tasksCreated": 1, "tasksDone": 0},
            **{"storageBytes": 100, "jobs": 0},
        },
        {
            "date": "1999-02-10",
            **{"users": 1, "activeUsers": 2, "projects": 0, "tasksCreated": 2, "tasksDone": 2},
            **{"storageBytes": 123, "jobs": 2},
        },
        {
            "date": "1999-02-11",
            **{"users": 1, "activeUsers": 1, "projects": 1, "tasksCreated": 1, "tasksDone": 0},
            **{"storageBytes": 123, "jobs": 1},
        },
    ]


@pytest.mark.usefixtures("clean_rows")
async def test_a_month_is_made_of_its_days_and_counts_each_active_user_once(
    database: Database, owner_sql: OwnerSql, user: ApiUser, admin: ApiUser
) -> None:
    await fill_month(Rows(owner_sql), user)
    analytics = Analytics(database, None)
    await analytics.store_day(datetime(1999, 2, 11, 0, 30, tzinfo=UTC))

    await analytics.store_month(datetime(1999, 3, 1, 1, tzinfo=UTC))
    await analytics.store_month(datetime(1999, 3, 1, 1, tzinfo=UTC))

    stored = await read(database, admin, date(1999, 2, 28), date(1999, 3, 5))
    days = (await read(database, admin, MONTH, date(1999, 2, 28)))["days"]
    assert [day["date"] for day in days] == [f"1999-02-{day:02}" for day in range(1, 29)]
    assert stored["months"] == [
        {
            "month": "1999-02",
            **{"users": 1, "activeUsers": 2, "projects": 1, "tasksCreated": 4, "tasksDone": 2},
            **{"storageBytes": 123, "jobs": 3},
        }
    ]


@pytest.mark.usefixtures("clean_rows")
async def test_a_day_that_was_counted_is_not_counted_again(
    database: Database, owner_sql: OwnerSql, user: ApiUser, admin: ApiUser
) -> None:
    """Its rows may be gone: jobs are deleted after a week, objects at any time."""
    rows = Rows(owner_sql)
    await fill_month(rows, user)
    analytics = Analytics(database, None)
    after = datetime(1999, 2, 11, 0, 30, tzinfo=UTC)
    await analytics.store_day(after)
    await rows.job(NOON)

    await analytics.store_day(after)
    await analytics.store_month(datetime(1999, 3, 1, 1, tzinfo=UTC))

    assert (await read(database, admin, NOON.date(), NOON.date()))["days"][0]["jobs"] == 2


@pytest.mark.usefixtures("clean_rows")
async def test_what_deleted_events_would_have_told_is_unknown_and_not_zero(
    database: Database, owner_sql: OwnerSql, user: ApiUser, admin: ApiUser
) -> None:
    await fill_month(Rows(owner_sql), user)
    # On 1 March the events of the last 20 days are certainly there: those from 9 February on.
    await Analytics(database, 20).store_month(datetime(1999, 3, 1, 1, tzinfo=UTC))

    stored = await read(database, admin, date(1999, 2, 8), date(1999, 2, 9))
    unknown = {"activeUsers": None, "tasksCreated": None, "tasksDone": None}
    assert [{name: day[name] for name in unknown} for day in stored["days"]] == [
        unknown,
        {"activeUsers": 1, "tasksCreated": 1, "tasksDone": 0},
    ]
    assert {name: stored["months"][0][name] for name in unknown} == unknown
    assert (stored["months"][0]["users"], stored["months"][0]["jobs"]) == (1, 3)


async def test_no_part_of_the_program_but_reports_sees_or_changes_analytics(database: Database) -> None:
    for name in ("jobs", "auth", "clean-up"):
        async with database.as_actor(system_actor(name)).transaction() as transaction:
            assert await transaction.fetch_rows("select period from monynha.analytics") == []
    with pytest.raises(ConstraintViolationError) as refused:
        async with database.as_actor(system_actor("reports")).transaction() as transaction:
            await transaction.execute("update monynha.analytics set users = 1000000")

    assert refused.value.is_permission_denied

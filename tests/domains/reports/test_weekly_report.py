"""The weekly report: its numbers, who gets one, and that nobody gets two."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monynha.domains.reports.chart import draw_week
from monynha.domains.reports.weekly_report import MAX_PEOPLE, MAX_PROJECTS, Week, WeeklyReports
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database
from tests.conditions import TIMEOUT_S
from tests.domains.reports.weeks import (
    LINKS,
    QUEUE,
    ReportedProject,
    enqueue_mails,
    fetch_mails,
    iso_day,
    tick_after,
    unused_mondays,
)
from tests.emails import deliver_queued_emails, read_message, text_of
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

_MONDAYS = unused_mondays()
LAST_MOMENT = 1 - 1e-9
"""A part of a day: just before midnight."""


@pytest.fixture
def monday() -> datetime:
    return next(_MONDAYS)


@pytest.mark.parametrize(
    ("now", "first_day"),
    [
        (datetime(2026, 11, 30, 9, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 30, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 12, 6, 23, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2027, 1, 4, 9, tzinfo=UTC), date(2026, 12, 28)),
    ],
)
def test_the_reported_week_is_the_last_one_that_is_over(now: datetime, first_day: date) -> None:
    week = Week.before(now)

    assert (week.first_day, week.last_day) == (first_day, first_day + timedelta(days=6))


async def busy_project(owner: ApiUser, bob: ApiUser, monday: datetime, owner_sql: OwnerSql) -> ReportedProject:
    """Return a project of which every number of the report differs from what a simpler count would give."""
    project = await ReportedProject.create(owner, monday, owner_sql, name="Garden")
    await project.at(-27, owner.create(f"/projects/{project.project['id']}/members", {"userId": str(bob.id)}))
    long_ago, bobs = -20, {"assigneeId": str(bob.id)}
    done_before = await project.create_task(long_ago, **bobs)
    await project.update_task(-5.5, done_before, status="done")
    done = await project.create_task(long_ago, title="Dig", **bobs)
    await project.update_task(1, done, title="Dig deeper")
    await project.update_task(2.5, done, status="done")
    await project.update_task(3, done, title="Dug")
    await project.create_task(1, dueDate=project.time(3).isoformat(), **bobs)
    reopened = await project.create_task(1, assigneeId=str(owner.id))
    await project.update_task(1 + LAST_MOMENT, reopened, status="done")
    await project.update_task(4, reopened, status="todo")
    deleted = await project.create_task(long_ago)
    await project.update_task(3, deleted, status="done")
    await project.delete_task(5, deleted)
    reopened_later = await project.create_task(long_ago)
    await project.update_task(-3, reopened_later, status="done")
    await project.update_task(1, reopened_later, status="review")
    await project.create_task(long_ago, dueDate=project.time(-10).isoformat())
    postponed = await project.create_task(long_ago, dueDate=project.time(20).isoformat())
    await project.update_task(2, postponed, dueDate=project.time(3).isoformat())
    await project.delete_task(2, await project.create_task(long_ago))
    await project.update_task(7, await project.create_task(long_ago), status="done")
    return project


async def test_the_numbers_are_those_of_the_week_and_of_the_week_before(
    users: UserFactory, user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    bob = await users.create("Bob")
    project = await busy_project(user, bob, monday, owner_sql)

    assert await enqueue_mails(database, monday) == 1

    [mail] = await fetch_mails(owner_sql, monday)
    assert (mail.to, mail.template) == (user.email, "weekly_report")
    images = mail.data.pop("images")
    assert mail.data == {
        "locale": "en",
        "week": {"first_day": iso_day(monday, 0), "last_day": iso_day(monday, 6)},
        "projects": [
            {
                "name": "Garden",
                "path": f"/projects/{project.project['id']}",
                "done": 1,
                "done_change": 1 - 2,
                "open": 5,
                "open_change": 5 - 6,
                "overdue": 3,
                "overdue_change": 3 - 1,
                "done_by_day": [0, 0, 1, 0, 0, 0, 0],
                "people": [
                    {"name": "Bob", "done": 1, "open": 1, "overdue": 1},
                    {"name": "Ada", "done": 0, "open": 1, "overdue": 0},
                ],
                "other_people": 0,
                "chart": "chart-1",
            }
        ],
        "other_projects": 0,
        "unsubscribe_path": LINKS.path(user.id),
    }
    chart = draw_week(monday.date(), [0, 0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0, 0])
    assert images == {"chart-1": base64.b64encode(chart).decode()}


async def test_a_report_that_is_late_compares_what_is_open_now_with_the_same_week_ago(
    user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    """The program was down on Monday; a task was done since, and another one created."""
    project = await ReportedProject.create(user, monday, owner_sql)
    await project.create_task(1)
    done_late = await project.create_task(-20)
    await project.update_task(8, done_late, status="done")
    await project.create_task(8.5)

    await enqueue_mails(database, monday)

    [mail] = await fetch_mails(owner_sql, monday)
    [report] = mail.data["projects"]
    assert (report["done"], report["open"], report["open_change"]) == (0, 2, 2 - 1)


async def test_without_the_events_of_the_week_before_nothing_is_compared(
    user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    project = await ReportedProject.create(user, monday, owner_sql)
    await project.create_task(1)

    await enqueue_mails(database, monday, retention_days=14)

    [mail] = await fetch_mails(owner_sql, monday)
    [report] = mail.data["projects"]
    assert [report[f"{name}_change"] for name in ("done", "open", "overdue")] == [None, None, None]


async def test_each_owner_gets_their_own_projects_in_one_mail(
    users: UserFactory, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    ada, bob = await users.create("Ada"), await users.create("Bob")
    for owner, names in ((ada, ("Garden", "House")), (bob, ("Boat",))):
        for name in names:
            project = await ReportedProject.create(owner, monday, owner_sql, name=name)
            await project.create_task(1)
    shared = await ReportedProject.create(ada, monday, owner_sql, name="Shared")
    await shared.at(
        1, ada.create(f"/projects/{shared.project['id']}/members", {"userId": str(bob.id), "role": "admin"})
    )
    await shared.create_task(1, assigneeId=str(bob.id))

    assert await enqueue_mails(database, monday) == 2

    mails = await fetch_mails(owner_sql, monday)
    assert {mail.to: sorted(project["name"] for project in mail.data["projects"]) for mail in mails} == {
        ada.email: ["Garden", "House", "Shared"],
        bob.email: ["Boat"],
    }


async def test_the_new_owner_of_a_project_gets_its_report(
    users: UserFactory, user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    bob = await users.create("Bob")
    project = await ReportedProject.create(user, monday, owner_sql)
    await project.create_task(1)
    members = f"/projects/{project.project['id']}/members"
    await project.at(2, user.create(members, {"userId": str(bob.id), "role": "admin"}))
    await project.at(3, user.put(f"{members}/{bob.id}", {"role": "owner"}))

    await enqueue_mails(database, monday)

    assert [mail.to for mail in await fetch_mails(owner_sql, monday)] == [bob.email]


@pytest.mark.parametrize(
    "reason", ["archived", "opted out", "unconfirmed", "banned", "no change", "changed later", "changed earlier"]
)
async def test_no_mail_is_sent(
    users: UserFactory, user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime, reason: str
) -> None:
    project = await ReportedProject.create(user, monday, owner_sql)
    days = {"no change": None, "changed later": 7, "changed earlier": -7 - 1e-6}.get(reason, 1)
    if days is not None:
        await project.create_task(days)
    path = f"/projects/{project.project['id']}"
    if reason == "archived":
        await project.at(2, user.put(path, {"status": "archived"}))
    elif reason == "opted out":
        await project.at(2, user.put(path, {"settings": {"weeklyReport": False}}))
    elif reason == "unconfirmed":
        await owner_sql("update auth.users set email_confirmed_at = null where id = $1", user.id)
    elif reason == "banned":
        await users.ban(user)

    assert await enqueue_mails(database, monday) == 0
    assert await fetch_mails(owner_sql, monday) == []


async def test_a_change_in_the_week_before_alone_is_reported(
    user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    project = await ReportedProject.create(user, monday, owner_sql)
    await project.create_task(-7)

    await enqueue_mails(database, monday)

    [mail] = await fetch_mails(owner_sql, monday)
    assert mail.data["projects"][0]["chart"] is None
    assert mail.data["images"] == {}


async def create_owners(users: UserFactory, count: int, monday: datetime, owner_sql: OwnerSql) -> list[str]:
    """Create owners of a project each, and return their addresses."""
    emails = []
    for number in range(count):
        owner = await users.create(f"Owner{number}")
        project = await ReportedProject.create(owner, monday, owner_sql)
        await project.create_task(1)
        emails.append(owner.email)
    return sorted(emails)


async def test_a_report_that_runs_again_sends_nothing_again(
    users: UserFactory, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    """Also after the mails were sent, when their jobs are gone."""
    emails = await create_owners(users, 3, monday, owner_sql)
    sent = [await enqueue_mails(database, monday)]
    mails = await fetch_mails(owner_sql, monday)
    await owner_sql(
        "delete from monynha.jobs where queue = $1 and dedup_key like $2", QUEUE, f"weekly-report {monday.date()} %"
    )

    sent.append(await enqueue_mails(database, monday))

    assert sent == [3, 0]
    assert sorted(mail.to for mail in mails) == emails
    assert await fetch_mails(owner_sql, monday) == []


async def test_a_report_that_died_after_its_first_batches_goes_on_where_it_was(
    users: UserFactory, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    emails = await create_owners(users, 5, monday, owner_sql)

    class Killed(WeeklyReports):
        batches = 0

        async def _enqueue(self, *args: Any) -> int:
            Killed.batches += 1
            count = await super()._enqueue(*args)
            if Killed.batches == 2:
                raise KeyboardInterrupt
            return count

    with pytest.raises(KeyboardInterrupt):
        await Killed(database, LINKS, None, batch_size=2, queue=QUEUE).enqueue_mails(tick_after(monday))
    after_death = len(await fetch_mails(owner_sql, monday))
    rest = await enqueue_mails(database, monday, batch_size=2)

    assert (after_death in (1, 2), after_death + rest) == (True, 5)
    assert sorted(mail.to for mail in await fetch_mails(owner_sql, monday)) == emails


async def test_two_workers_with_the_same_report_send_each_mail_once(
    users: UserFactory, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    emails = await create_owners(users, 6, monday, owner_sql)

    sent = await asyncio.gather(*(enqueue_mails(database, monday, batch_size=size) for size in (1, 2, 6)))

    assert sum(sent) == 6
    assert sorted(mail.to for mail in await fetch_mails(owner_sql, monday)) == emails


async def test_a_process_that_is_killed_again_and_again_sends_each_mail_once(
    users: UserFactory,
    database: Database,
    owner_sql: OwnerSql,
    running_servers: ServerUrls,
    monday: datetime,
) -> None:
    emails = await create_owners(users, 20, monday, owner_sql)
    arguments = (running_servers.database_url, QUEUE, tick_after(monday).isoformat())

    counts = [0]
    while counts[-1] < len(emails):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.domains.reports.enqueue_reports", *arguments
        )
        async with asyncio.timeout(TIMEOUT_S):
            while process.returncode is None and len(await fetch_mails(owner_sql, monday)) < counts[-1] + 7:
                await asyncio.sleep(0.001)
        if process.returncode is None:
            process.kill()
        await process.wait()
        counts.append(len(await fetch_mails(owner_sql, monday)))

    mails = await fetch_mails(owner_sql, monday)
    assert len(counts) > 2
    assert sorted(mail.to for mail in mails) == emails
    assert len({mail.id for mail in mails}) == len(mails)
    assert await enqueue_mails(database, monday) == 0


async def test_the_mail_shows_the_numbers_and_the_chart_in_the_language_of_the_owner(
    users: UserFactory,
    user: ApiUser,
    database: Database,
    owner_sql: OwnerSql,
    monday: datetime,
    tmp_path: Path,
) -> None:
    await owner_sql('update auth.users set user_metadata = \'{"locale": "pt-BR"}\' where id = $1', user.id)
    await busy_project(user, await users.create("Bob"), monday, owner_sql)
    await enqueue_mails(database, monday)

    await deliver_queued_emails(
        database, QUEUE, tmp_path, site_url="https://board.example", clock=lambda: tick_after(monday)
    )

    [path] = [path for path in tmp_path.glob("*.eml") if user.email in path.read_text()]
    message = read_message(path.read_bytes())
    text, html = text_of(message), text_of(message, "html")
    assert message["subject"].startswith("Sua semana: ")
    assert "Feitas: 1 (\u22121)\nAbertas: 5 (\u22121)\nAtrasadas: 3 (+2)\n" in text
    assert "Tarefas feitas por dia, de segunda a domingo: 0, 0, 1, 0, 0, 0, 0" in text
    [image] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    alternative_text = "Tarefas feitas por dia, de segunda a domingo: 0, 0, 1, 0, 0, 0, 0"
    assert image["content-id"] == "<chart-1>"
    assert image.get_content() == draw_week(monday.date(), [0, 0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0, 0])
    assert f'alt="{alternative_text}"' in html
    assert 'src="cid:chart-1"' in html


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lower the limits, so that a test needs few rows to exceed them."""
    with monkeypatch.context() as patch:
        patch.setattr("monynha.domains.reports.weekly_report.MAX_PROJECTS", 2)
        patch.setattr("monynha.domains.reports.weekly_report.MAX_PEOPLE", 1)
        yield


@pytest.mark.usefixtures("small_limits")
async def test_a_mail_has_the_newest_projects_and_those_who_did_most(
    users: UserFactory, user: ApiUser, database: Database, owner_sql: OwnerSql, monday: datetime
) -> None:
    assert (MAX_PROJECTS, MAX_PEOPLE) == (20, 10)
    bob = await users.create("Bob")
    for name in ("Oldest", "Older", "Newest"):
        project = await ReportedProject.create(user, monday, owner_sql, name=name)
        await project.at(-8, user.create(f"/projects/{project.project['id']}/members", {"userId": str(bob.id)}))
        await project.create_task(1, assigneeId=str(user.id))
        await project.create_task(1, assigneeId=str(bob.id), status="done")

    await enqueue_mails(database, monday)

    [mail] = await fetch_mails(owner_sql, monday)
    assert [project["name"] for project in mail.data["projects"]] == ["Newest", "Older"]
    assert mail.data["other_projects"] == 1
    assert [person["name"] for person in mail.data["projects"][0]["people"]] == ["Bob"]
    assert mail.data["projects"][0]["other_people"] == 1

"""The links that end weekly reports: who may use them, and what they change."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from monynha.core.actor import system_actor
from monynha.domains.reports.unsubscriptions import PATH, UnsubscribeLinks, Unsubscriptions
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.domains.reports.weeks import LINKS, ReportedProject, enqueue_mails, fetch_mails, unused_mondays
from tests.live_server import OwnerSql
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
_MONDAYS = unused_mondays(first_year=2051)
OWNER_ID = UUID("3f1c9f6a-0f6e-4f7f-9f4d-5b7a2f0e1f3b")
OTHER_ID = UUID("0d9c6f52-4a61-4a0f-8a53-0c2f3c5d7e22")


def token_of(links: UnsubscribeLinks, owner_id: UUID) -> str:
    return links.path(owner_id).removeprefix(f"{PATH}?token=")


def test_a_link_names_its_owner() -> None:
    assert LINKS.owner_of(token_of(LINKS, OWNER_ID)) == OWNER_ID


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "é",
        "a" * 43,
        "a" * 10_000,
        token_of(UnsubscribeLinks("another secret"), OWNER_ID),
        token_of(LINKS, OWNER_ID)[:22] + token_of(LINKS, OTHER_ID)[22:],
        token_of(LINKS, OTHER_ID)[:20] + token_of(LINKS, OWNER_ID)[20:],
        token_of(LINKS, OWNER_ID)[:-4],
        token_of(LINKS, OWNER_ID) + "AAAA",
    ],
)
def test_a_token_that_we_did_not_make_names_nobody(token: str) -> None:
    assert LINKS.owner_of(token) is None


async def test_who_has_unsubscribed_gets_no_report_until_they_want_them_again(
    user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    unsubscriptions, mails = Unsubscriptions(database), []
    for change in (unsubscriptions.unsubscribe, unsubscriptions.unsubscribe, unsubscriptions.resubscribe):
        monday: datetime = next(_MONDAYS)
        project = await ReportedProject.create(user, monday, owner_sql)
        await project.create_task(1)
        await change(user.id)
        await enqueue_mails(database, monday)
        mails.append(len(await fetch_mails(owner_sql, monday)))

    assert mails == [0, 0, 1]


async def test_an_account_that_is_deleted_unsubscribes_nothing(database: Database, owner_sql: OwnerSql) -> None:
    await Unsubscriptions(database).unsubscribe(OWNER_ID)
    await Unsubscriptions(database).resubscribe(OWNER_ID)

    assert await owner_sql("select from monynha.report_unsubscriptions where owner_id = $1", OWNER_ID) == []


async def test_no_other_actor_reads_or_writes_unsubscriptions(
    user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    await Unsubscriptions(database).unsubscribe(user.id)

    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        rows = await transaction.fetch_rows("select owner_id from monynha.report_unsubscriptions")
        await transaction.execute("delete from monynha.report_unsubscriptions where owner_id = $1", user.id)
    with pytest.raises(ConstraintViolationError, match="permission_denied"):
        async with database.as_actor(user.actor).transaction() as transaction:
            await transaction.execute("delete from monynha.report_unsubscriptions")

    assert rows == []
    assert len(await owner_sql("select from monynha.report_unsubscriptions where owner_id = $1", user.id)) == 1

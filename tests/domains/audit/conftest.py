"""The audit log of one test: what it recorded, and the admin who looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import pytest

from monynha.app.maintenance.audit_report import Finding, verify_audit_log
from monynha.app.maintenance.migration import migrate
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.domains.audit import record_audit_event
from monynha.domains.audit.seals import AuditSeals
from monynha.infra.embedded import run_servers
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.login import login_name
from tests.live_server import OwnerSql
from tests.machine import let_servers_enter
from tests.users import ApiUser, UserFactory

RecordedEvents = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    """Return a system admin."""
    return await users.create("Root", is_admin=True)


@pytest.fixture
def recorded_events(owner_sql: OwnerSql) -> RecordedEvents:
    """Return a function that reads the events about an id, oldest first: of an actor, a target, or in the details."""

    async def read(id: object) -> list[dict[str, Any]]:
        rows = await owner_sql(
            "select * from monynha.audit_events "
            "where actor_id::text = $1 or target_id = $1 or details::text like '%' || $1 || '%' order by number",
            str(id),
        )
        return [{**row, "details": orjson.loads(row["details"])} for row in rows]

    return read


@dataclass(frozen=True)
class SealedLog:
    """An audit log in a database of its own, which a test may tamper with."""

    database: Database
    owner_url: str
    seals: AuditSeals

    async def record(self, *actions: str) -> list[int]:
        """Record events, each in a transaction of its own; return their numbers."""
        for action in actions:
            async with self.database.as_actor(system_actor("test")).transaction() as transaction:
                await record_audit_event(transaction, action, target_id="of a test")
        rows = await self.read(f"select number from monynha.audit_events order by number desc limit {len(actions)}")
        return [row["number"] for row in reversed(rows)]

    async def seal(self, *actions: str) -> list[int]:
        """Record events and seal them; return their numbers."""
        numbers = await self.record(*actions)
        assert await self.seals.seal() is not None
        return numbers

    async def date_back(self, days: int) -> None:
        """Record what follows as if it happened so many days ago."""
        column = "alter table monynha.audit_events alter column created_at"
        await self.tamper(f"{column} set default clock_timestamp() - interval '{days} days'")

    async def tamper(self, statement: str, *binds: object) -> list[Any]:
        """Execute a statement as the owner of the tables, who has switched the triggers off."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            await connection.execute("set role monynha_owner")
            async with connection.transaction():
                await _switch_triggers(connection, "disable")
                rows = list(await connection.fetch(statement, *binds))
                await _switch_triggers(connection, "enable")
            return rows
        finally:
            await connection.close()

    async def read(self, query: str) -> list[Any]:
        """Return the rows of a query as the owner of the tables."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            await connection.execute("set role monynha_owner")
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def changes(self, anchor: tuple[int, str] | None = None) -> list[Finding]:
        """Return what a check of the log finds."""
        return (await verify_audit_log(self.seals, anchor)).findings


async def _switch_triggers(connection: asyncpg.Connection[asyncpg.Record], action: str) -> None:
    for table in ("audit_events", "audit_seals"):
        await connection.execute(f"alter table monynha.{table} {action} trigger user")


@pytest.fixture(scope="module")
async def own_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Database, str]]:
    """Run a server for the tests of a module; yield its migrated database and the owner's URL."""
    folder = let_servers_enter(tmp_path_factory.mktemp("audit"))
    environ = {"MONYNHA_DATA_DIR": str(folder), "REDIS_URL": "redis://none.example"}
    async with run_servers(Settings.read(environ)) as server_urls:
        await migrate(server_urls.owner_url, app_login=login_name(server_urls.database_url))
        database = await Database.open(server_urls.database_url)
        yield database, server_urls.owner_url
        await database.close()


@pytest.fixture
async def sealed_log(own_database: tuple[Database, str]) -> SealedLog:
    """Return an empty audit log."""
    database, owner_url = own_database
    log = SealedLog(database, owner_url, AuditSeals(database, "a secret of the program"))
    for table in ("audit_events", "audit_seals", "audit_horizon"):
        await log.tamper(f"truncate monynha.{table}")
    await log.tamper("alter sequence monynha.audit_event_numbers restart")
    await log.date_back(0)
    return log

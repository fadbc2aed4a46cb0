"""The demo: created as its users, and only once."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from monynha.app.commands.command_context import command_context
from monynha.app.maintenance.demo import create_demo
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, with_jwt_secret


async def test_demo_is_created_by_its_users_and_only_once(tmp_path: Path) -> None:
    settings = with_jwt_secret(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path), "REDIS_URL": "redis://none.example"}))
    async with run_servers(settings) as server_urls:
        async with command_context(settings) as context:
            accounts = await create_demo(context.database, context.accounts)
            second = await create_demo(context.database, context.accounts)
        connection = await asyncpg.connect(server_urls.owner_url)
        await connection.execute("set role monynha_owner")
        owners = await connection.fetch(
            "select name, count(*) filter (where role = 'owner') as owners from projects "
            "join project_members on project_id = projects.id group by 1 order by 1"
        )
        tasks = await connection.fetchval("select count(*) from tasks")
        await connection.close()

    assert accounts is not None
    assert len(accounts.emails) == 5
    assert second is None
    assert [row["owners"] for row in owners] == [1, 1, 1]
    assert tasks > 10

"""The program without its protocols, for a command's own time: servers, database, accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from monynha.app.maintenance.migration import migrate_or_check
from monynha.core.settings.settings import Settings
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.infra.embedded import run_servers
from monynha.infra.postgres.database import Database


@dataclass(frozen=True)
class CommandContext:
    """What a command works with."""

    database: Database
    accounts: AccountService


@asynccontextmanager
async def command_context(settings: Settings) -> AsyncIterator[CommandContext]:
    """Join the running servers or start them, and give everything back at the end."""
    async with run_servers(settings) as server_urls:
        await migrate_or_check(settings, server_urls.database_url, server_urls.owner_url)
        database = await Database.open(server_urls.database_url)
        auth = AuthServices.build(settings, database, hooks=[ProfileHooks()])
        try:
            yield CommandContext(database, auth.accounts)
        finally:
            auth.close()
            await database.close()

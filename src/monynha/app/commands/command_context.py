"""What commands work with: the servers, the database and the accounts, for the time of one command."""

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
    """The database, and the accounts in it."""

    database: Database
    accounts: AccountService


@asynccontextmanager
async def command_context(settings: Settings) -> AsyncIterator[CommandContext]:
    """Join the running servers or start them, check or migrate the database, and close everything at the end."""
    async with run_servers(settings) as server_urls:
        await migrate_or_check(settings, server_urls.database_url, server_urls.owner_url)
        database = await Database.open(server_urls.database_url)
        auth = AuthServices.build(settings, database, hooks=[ProfileHooks()])
        try:
            yield CommandContext(database, auth.accounts)
        finally:
            auth.close()
            await database.close()

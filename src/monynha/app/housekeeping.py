"""The program without its protocols, for a command's own time: servers, database, accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from monynha.app.migrate import bring_up
from monynha.core.settings import Settings
from monynha.domains.auth.accounts import Accounts
from monynha.domains.auth.auth import Auth
from monynha.domains.users.reactions import KeepProfile
from monynha.infra.embedded import servers
from monynha.infra.postgres.database import Database


@dataclass(frozen=True)
class House:
    """What a command works with."""

    database: Database
    accounts: Accounts


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    """Join the running servers or start them, and give everything back at the end."""
    async with servers(settings) as found:
        await bring_up(settings, found.database_url, found.owner_url)
        database = await Database.open(found.database_url)
        auth = Auth.build(settings, database, reactions=[KeepProfile()])
        try:
            yield House(database, auth.accounts)
        finally:
            auth.close()
            await database.close()

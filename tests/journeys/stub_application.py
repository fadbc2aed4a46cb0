"""An application that shows what the processes around it do, and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.protocols.http.request import Receive, Scope, Send


class StubApplication:
    """Serves `/pid`, `/slow`, `/rows` (inserts a row per request), and 503 while the database is away.

    `/slow` creates the file `slow-has-begun` in the data folder, and ends when there is `slow-may-end`.
    """

    def __init__(self, server_urls: ServerUrls, data_dir: Path) -> None:
        self._server_urls = server_urls
        self._data_dir = data_dir

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        status, body = await self._respond(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    def begin_shutdown(self) -> None:
        """There is no response without an end."""

    async def close(self) -> None:
        pass

    async def _respond(self, path: str) -> tuple[int, str]:
        if path == "/pid":
            return 200, str(os.getpid())
        if path == "/slow":
            (self._data_dir / "slow-has-begun").touch()
            while not (self._data_dir / "slow-may-end").exists():
                await asyncio.sleep(0.02)
            return 200, "done"
        import asyncpg

        try:
            connection = await asyncpg.connect(self._server_urls.database_url, timeout=10)
            try:
                await connection.execute("set role monynha_owner")
                await connection.execute("create table if not exists kept (at timestamptz default now())")
                await connection.execute("insert into kept default values")
                return 200, str(await connection.fetchval("select count(*) from kept"))
            finally:
                await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return 503, ""


async def build(settings: Settings, server_urls: ServerUrls) -> StubApplication:
    """Build the application, as `monynha.app.composition.application` does."""
    if settings.log_level == "error":
        raise SettingsError("LOG_LEVEL: the stub refuses this one")
    return StubApplication(server_urls, settings.data_dir)

"""How tests talk to the servers inside the program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

EXTERNAL_VALKEY = "redis://cache.example"
EXTERNAL_DATABASE = {"DATABASE_URL": "postgresql://db.example/app", "JWT_SECRET": "x" * 32}


def settings_for(folder: Path, **environ: str) -> Settings:
    return Settings.read({"MONYNHA_DATA_DIR": str(folder), **environ})


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def valkey_command(url: str, command: str) -> str:
    reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix://"))
    try:
        writer.write(command.encode() + b"\r\n")
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def wait_for_database(server_urls: ServerUrls) -> int:
    """The main process of the database, once it answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            async with connect(server_urls.database_url) as connection:
                return int(await connection.fetchval("select pg_backend_pid()"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


def postmaster_pid(settings: Settings) -> int:
    return int((settings.data_dir / "pg" / "postmaster.pid").read_text().split()[0])

"""How the tests use the embedded servers: in this process, or in one of another user."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

EXTERNAL_VALKEY = "redis://cache.example"
EXTERNAL_DATABASE = {"DATABASE_URL": "postgresql://db.example/app", "JWT_SECRET": "x" * 32}
SITE_PACKAGES = Path(asyncpg.__file__).parents[1]
WITHOUT_NAMESPACES = (sys.executable, str(Path(__file__).with_name("run_without_namespaces.py")))

_COUNT_USES_SCRIPT = """
import asyncpg, sys
from monynha.app.commands.options import read_settings, run
from monynha.core.errors import SettingsError
from monynha.infra.embedded import run_servers
async def use():
    async with run_servers(read_settings()) as server_urls:
        connection = await asyncpg.connect(server_urls.database_url)
        await connection.execute("set role monynha_owner; create table if not exists used ()")
        await connection.execute("insert into used default values")
        print(await connection.fetchval("select count(*) from used"))
        await connection.close()
try:
    run(use())
except SettingsError as error:
    sys.exit(str(error))
"""


def settings_for(folder: Path, **environ: str) -> Settings:
    """Return the settings for a data folder."""
    return Settings.read({"MONYNHA_DATA_DIR": str(folder), **environ})


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection to the database."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def valkey_command(url: str, command: str) -> str:
    """Return the first line of Valkey's reply."""
    reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix://"))
    try:
        writer.write(command.encode() + b"\r\n")
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, at most a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def wait_for_database(server_urls: ServerUrls) -> int:
    """Wait until the database accepts connections, and return the id of the process that serves one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            async with connect(server_urls.database_url) as connection:
                return int(await connection.fetchval("select pg_backend_pid()"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


def postmaster_pid(settings: Settings) -> int:
    """Return the id of PostgreSQL's main process."""
    return int((settings.data_dir / "pg" / "postmaster.pid").read_text().split()[0])


def use_servers(
    data_dir: Path, *wrapper: str, python: str = sys.executable, user: int | None = None, **environ: str
) -> str:
    """Use the servers in a new process, and return how often that was done, or the error."""
    result = subprocess.run(
        [*wrapper, python, "-c", _COUNT_USES_SCRIPT],
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "MONYNHA_DATA_DIR": str(data_dir),
            "REDIS_URL": "redis://none",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=120,
        user=user,
    )
    return result.stdout.strip() or result.stderr.strip()


def owner_uid(path: Path) -> int:
    """Return the owner of a file."""
    return path.stat().st_uid

"""An external PostgreSQL server: freshly initialized, as an administrator would provide it."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from monynha.infra.embedded import find_postgres
from monynha.infra.embedded.process_user import ProcessUser, choose_process_user
from tests.machine import let_servers_enter

DEBIAN_POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "password-of-the-test"
TIMEOUT_S = 30.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def installations() -> list[Any]:
    """Return the oldest supported PostgreSQL and the newest as parameters of a test."""
    skip_without_debian = pytest.mark.skipif(
        not DEBIAN_POSTGRES_BIN.exists(), reason=f"there is no PostgreSQL 15 in {DEBIAN_POSTGRES_BIN}"
    )
    return [
        pytest.param(DEBIAN_POSTGRES_BIN, id="15", marks=skip_without_debian),
        pytest.param(find_postgres(None), id="newest"),
    ]


@dataclass
class Postgres:
    """A server on a port of its own, without any role or database of ours."""

    bin_dir: Path
    folder: Path
    process_user: ProcessUser
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, login: str, database: str = "board") -> str:
        return f"postgresql://{login}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and return when it accepts connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.process_user.command(
                    signal.SIGQUIT,
                    *(self.bin_dir / "postgres", "-D", self.folder / "pg", "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", "", "-c", "fsync=off", "-c", "max_connections=60"),
                ),
                cwd="/",
                env=_ENVIRONMENT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                self.execute_as_superuser("select 1")
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, stop_signal: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it without waiting for its clients."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(stop_signal)
            self._process.wait(TIMEOUT_S)

    def execute_as_superuser(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the superuser and return the rows of the last one."""
        return asyncio.run(_execute(self.url("postgres", database), statements))

    def create_database(self, *logins: str, owner: str = "postgres", database: str = "board") -> None:
        """Create logins, each given as its name and attributes, and a database owned by one of them."""
        for login in logins:
            self.execute_as_superuser(f"create role {login} login password '{PASSWORD}'")
        self.execute_as_superuser(f"create database {database} owner {owner}")

    def drop_everything(self) -> None:
        """Drop every database and role that a test created."""
        for row in self.execute_as_superuser("select datname from pg_database where datname <> 'postgres'"):
            if not row["datname"].startswith("template"):
                self.execute_as_superuser(f'drop database "{row["datname"]}" with (force)')
        for row in self.execute_as_superuser("select rolname from pg_roles where oid >= 16384"):
            self.execute_as_superuser(f'drop owned by "{row["rolname"]}"', f'drop role "{row["rolname"]}"')


async def _execute(url: str, statements: tuple[str, ...]) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        last_statement = statements[-1]
        return (
            list(await connection.fetch(last_statement))
            if last_statement.startswith("select")
            else [await connection.execute(last_statement)]
        )
    finally:
        await connection.close()


@contextmanager
def run_postgres(bin_dir: Path, folder: Path) -> Iterator[Postgres]:
    """Run a server, and stop it at the end whatever happens."""
    folder.mkdir(parents=True)
    let_servers_enter(folder)
    process_user = asyncio.run(choose_process_user())
    password = folder / "password"
    password.write_text(PASSWORD)
    for path in (folder, password):
        process_user.chown(path)
    subprocess.run(
        process_user.command(
            signal.SIGKILL,
            *(bin_dir / "initdb", "-D", folder / "pg", "-U", "postgres", f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ),
        check=True,
        cwd="/",
        env=_ENVIRONMENT,
        capture_output=True,
    )
    server = Postgres(bin_dir, folder, process_user, _free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

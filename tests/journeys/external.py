"""A PostgreSQL server that is not ours: started bare, as an administrator would hand it over."""

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
from monynha.infra.embedded.identity import Identity, choose_identity

DEBIANS = Path("/usr/lib/postgresql/15/bin")
SECRET = "password-of-the-test"
PATIENCE_S = 30.0
_ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def installations() -> list[Any]:
    """The oldest PostgreSQL we take, and the newest, as parameters of a test."""
    without = pytest.mark.skipif(not DEBIANS.exists(), reason=f"there is no PostgreSQL 15 in {DEBIANS}")
    return [pytest.param(DEBIANS, id="15", marks=without), pytest.param(find_postgres(None), id="newest")]


@dataclass
class Postgres:
    """A server on a port of its own, with nothing in it of ours."""

    bin_dir: Path
    folder: Path
    identity: Identity
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, login: str, database: str = "board") -> str:
        return f"postgresql://{login}:{SECRET}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.identity.command(
                    signal.SIGQUIT,
                    *(self.bin_dir / "postgres", "-D", self.folder / "pg", "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", "", "-c", "fsync=off", "-c", "max_connections=60"),
                ),
                cwd="/",
                env=_ENVIRON,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.administer("select 1")
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, order: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it at once."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(order)
            self._process.wait(PATIENCE_S)

    def administer(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the superuser and return what the last one gives."""
        return asyncio.run(_run(self.url("postgres", database), statements))

    def make(self, *logins: str, owner: str = "postgres", database: str = "board") -> None:
        """Make logins, each written as its name and attributes, and a database of one of them."""
        for login in logins:
            self.administer(f"create role {login} login password '{SECRET}'")
        self.administer(f"create database {database} owner {owner}")

    def clear(self) -> None:
        """Drop every database and role that a test made."""
        for found in self.administer("select datname from pg_database where datname <> 'postgres'"):
            if not found["datname"].startswith("template"):
                self.administer(f'drop database "{found["datname"]}" with (force)')
        for found in self.administer("select rolname from pg_roles where oid >= 16384"):
            self.administer(f'drop owned by "{found["rolname"]}"', f'drop role "{found["rolname"]}"')


async def _run(url: str, statements: tuple[str, ...]) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        last = statements[-1]
        return (
            list(await connection.fetch(last))
            if last.startswith("select")
            else [await connection.execute(last)]
        )
    finally:
        await connection.close()


@contextmanager
def postgres(bin_dir: Path, folder: Path) -> Iterator[Postgres]:
    """A running server, gone afterwards with whatever happened."""
    folder.mkdir(parents=True)
    identity = asyncio.run(choose_identity())
    password = folder / "password"
    password.write_text(SECRET)
    for place in (folder, password):
        identity.own(place)
    subprocess.run(
        identity.command(
            signal.SIGKILL,
            *(bin_dir / "initdb", "-D", folder / "pg", "-U", "postgres", f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ),
        check=True,
        cwd="/",
        env=_ENVIRON,
        capture_output=True,
    )
    server = Postgres(bin_dir, folder, identity, _free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])

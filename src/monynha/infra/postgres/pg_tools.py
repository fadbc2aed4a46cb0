"""Runs the programs that come with PostgreSQL (pg_dump, pg_restore) as the owner of the tables."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit


class PgToolError(Exception):
    """A tool failed; the message is the first line of its error output."""


@dataclass(frozen=True)
class PgTools:
    """The tools of one PostgreSQL installation, for one database."""

    bin_dir: Path
    url: str

    async def run(self, tool: str, *options: str) -> None:
        """Run a tool on the database and wait for its end; raise PgToolError if it fails."""
        address, environ = self._connection_arguments()
        process = await asyncio.create_subprocess_exec(
            *(str(self.bin_dir / tool), f"--dbname={address}", "--role=monynha_owner", *options),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env=environ,
        )
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise _to_error(tool, errors)

    async def stream_lines(self, tool: str, *options: str) -> AsyncIterator[bytes]:
        """Run a tool without a database and yield its output line by line; raise PgToolError if it fails."""
        process = await asyncio.create_subprocess_exec(
            *(str(self.bin_dir / tool), *options), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=2**30
        )
        assert process.stdout
        assert process.stderr
        try:
            async for line in process.stdout:
                yield line
            errors = await process.stderr.read()
        finally:
            if process.returncode is None and not process.stdout.at_eof():
                process.kill()
            await process.wait()
        if process.returncode:
            raise _to_error(tool, errors)

    def _connection_arguments(self) -> tuple[str, dict[str, str]]:
        """Return the URL without its password, and the environment with it: any user can read a process's arguments."""
        parts = urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        address = urlunsplit(parts._replace(netloc=f"{name}@{host}" if user else host))
        return address, {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": unquote(password)}


def _to_error(tool: str, errors: bytes) -> PgToolError:
    lines = errors.decode(errors="replace").strip().splitlines()
    return PgToolError(lines[0] if lines else f"{tool} failed")

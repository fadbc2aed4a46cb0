"""A way to PostgreSQL that counts round trips: it stands between the program and the server's socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_NAME = ".s.PGSQL.5432"


@dataclass
class Tap:
    """How often the program has spoken after the server had: each time is a round trip."""

    url: str
    trips: int = 0
    connections: int = 0

    @asynccontextmanager
    async def counting(self, expected: int) -> AsyncIterator[None]:
        """Hold what happens inside to that many round trips."""
        before = self.trips
        yield
        assert expected == self.trips - before


@asynccontextmanager
async def tapped(database_url: str, folder: Path) -> AsyncIterator[Tap]:
    """Return a tap on the database, listening in the folder."""
    real = Path(parse_qs(urlsplit(database_url).query)["host"][0]) / _NAME
    tap = Tap(f"{database_url.partition('?')[0]}?host={folder}")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        tap.connections += 1
        far_in, far_out = await asyncio.open_unix_connection(str(real))
        server_spoke = True

        async def ask() -> None:
            nonlocal server_spoke
            while data := await near_in.read(1 << 20):
                tap.trips += server_spoke
                server_spoke = False
                far_out.write(data)
            far_out.close()

        async def answer() -> None:
            nonlocal server_spoke
            while data := await far_in.read(1 << 20):
                server_spoke = True
                near_out.write(data)
            near_out.close()

        for way in (ask(), answer()):
            task = asyncio.create_task(way)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(serve, str(folder / _NAME))
    try:
        yield tap
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

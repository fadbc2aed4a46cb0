"""A proxy between the program and PostgreSQL that counts round trips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass
class RoundTripCounter:
    """The counts. A round trip is counted when the program sends data after the server has replied."""

    url: str
    round_trips: int = 0
    connections: int = 0

    @asynccontextmanager
    async def counting(self, expected: int) -> AsyncIterator[None]:
        """Assert the number of round trips inside the block."""
        before = self.round_trips
        yield
        assert self.round_trips - before == expected


@asynccontextmanager
async def run_round_trip_counter(database_url: str, folder: Path) -> AsyncIterator[RoundTripCounter]:
    """Run the proxy on a socket in the folder, and return its counter; `url` connects through it."""
    server_socket = Path(parse_qs(urlsplit(database_url).query)["host"][0]) / _SOCKET_NAME
    counter = RoundTripCounter(f"{database_url.partition('?')[0]}?host={folder}")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        counter.connections += 1
        server_reader, server_writer = await asyncio.open_unix_connection(str(server_socket))
        has_server_replied = True

        async def forward_requests() -> None:
            nonlocal has_server_replied
            while data := await client_reader.read(1 << 20):
                counter.round_trips += has_server_replied
                has_server_replied = False
                server_writer.write(data)
            server_writer.close()

        async def forward_replies() -> None:
            nonlocal has_server_replied
            while data := await server_reader.read(1 << 20):
                has_server_replied = True
                client_writer.write(data)
            client_writer.close()

        for direction in (forward_requests(), forward_replies()):
            task = asyncio.create_task(direction)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(serve, str(folder / _SOCKET_NAME))
    try:
        yield counter
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

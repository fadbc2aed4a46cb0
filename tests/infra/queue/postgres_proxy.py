"""A Unix socket between the program and PostgreSQL, which a test can cut and join again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass
class PostgresProxy:
    """Passes on what clients and the server send, unless it is cut."""

    url: str
    """The URL of the database through the proxy."""
    _server_path: str
    _is_cut: bool = False
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def join(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the server."""
        if self._is_cut:
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(self._server_path)
        self._writers |= {writer, server_writer}
        await asyncio.gather(_pass_on(reader, server_writer), _pass_on(server_reader, writer))
        self._writers -= {writer, server_writer}


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def run_proxy(database_url: str, folder: Path) -> AsyncIterator[PostgresProxy]:
    """Run a proxy in front of the database of a URL that names the folder of a Unix socket."""
    [server_folder] = parse_qs(urlsplit(database_url).query)["host"]
    proxy = PostgresProxy(database_url.replace(server_folder, str(folder)), f"{server_folder}/{_SOCKET_NAME}")
    server = await asyncio.start_unix_server(proxy.serve, folder / _SOCKET_NAME)
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()

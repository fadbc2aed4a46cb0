"""A scripted PostgreSQL server: it echoes the first bind of each statement, split and interleaved as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import pack, unpack_from

Cut = Callable[[bytes], Iterator[bytes]]
FATAL = "select $1 as fatal"
NOISE = (
    pack("!ci", b"S", 4 + 14) + b"TimeZone\0Mars\0",
    pack("!ci", b"N", 4 + 16) + b"SNOTICE\0Mhello\0\0",
    pack("!cii", b"A", 4 + 4 + 6, 7) + b"news\0\0",
)
READY = b"Z\0\0\0\5I"


def _message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + pack("!i", len(body) + 4) + body


def _error(severity: str, state: str) -> bytes:
    return _message(b"E", f"S{severity}\0V{severity}\0C{state}\0Mno\0\0".encode())


def send_whole(response: bytes) -> Iterator[bytes]:
    """Send a response in one piece."""
    yield response


class ScriptedServer:
    """One server; `cut` splits its responses, `noise` is sent before each of its messages."""

    def __init__(self) -> None:
        self.cut: Cut = send_whole
        self.noise = b""
        self.prepare_delay_s = 0.0
        self._statements: dict[bytes, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it disconnects."""
        (length,) = unpack_from("!i", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        version = _message(b"S", b"server_version\00016.0\0")
        writer.write(_message(b"R", pack("!i", 0)) + version + _message(b"K", pack("!ii", 1, 2)) + READY)
        response: list[bytes] = []
        try:
            while True:
                kind, length = unpack_from("!ci", await reader.readexactly(5))
                response += self._respond(kind, await reader.readexactly(length - 4))
                if kind == b"S":
                    await self._send(writer, response)
                    response.clear()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, response: list[bytes]) -> None:
        await asyncio.sleep(self.prepare_delay_s if response[0].startswith(b"1") else 0)
        for piece in self.cut(b"".join(self.noise + message for message in response)):
            writer.write(piece)
            await asyncio.sleep(0)
        if not response[-1].startswith(b"Z"):
            raise ConnectionAbortedError

    def _respond(self, kind: bytes, body: bytes) -> Iterator[bytes]:
        name, _, rest = body.partition(b"\0")
        if kind == b"P":
            self._statements[name] = rest.partition(b"\0")[0]
            yield _message(b"1")
        elif kind == b"D":
            yield _message(b"t", pack("!hi", 1, 25))
            yield _message(b"n")
        elif kind == b"B":
            name, _, rest = rest.partition(b"\0")
            if self._statements[name] == FATAL.encode():
                yield _error("FATAL", "57P01")
                return
            at = 2 + 2 + 2
            (length,) = unpack_from("!i", rest, at)
            yield _message(b"2")
            yield _message(b"D", pack("!hi", 1, length) + rest[at + 4 : at + 4 + length])
            yield _message(b"D", pack("!hi", 1, 5) + b"other")
        elif kind == b"E":
            yield _message(b"C", b"SELECT 2\0")
        elif kind == b"C":
            yield _message(b"3")
        elif kind == b"S":
            yield READY


@asynccontextmanager
async def run_scripted_server(folder: Path) -> AsyncIterator[tuple[ScriptedServer, str]]:
    """Start a server and yield it with its URL."""
    server = ScriptedServer()
    unix_server = await asyncio.start_unix_server(server.serve, folder / ".s.PGSQL.5432")
    try:
        yield server, f"postgresql://x@/x?host={folder}"
    finally:
        unix_server.close()

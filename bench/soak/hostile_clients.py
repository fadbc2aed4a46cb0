"""Clients that break rules, read nothing or hang up; nobody else may notice them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle

from bench.soak.http_client import Address, encode_request, read_head
from bench.soak.results import Results
from bench.soak.workspace import Workspace

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_SMALL_BUFFER_BYTES = 16_384
_PATIENCE_S = 45.0
"""Longer than any deadline of the server for a request."""
_HOLD_S = 20.0
_PAUSE_S = 0.5
_MASK = bytes(4)
_PINGS = (b"\x89\x81" + _MASK + b"x") * 500
_BROKEN_FRAME = b"\x83\x81" + _MASK + b"x" + bytes(100_000)
_BROKEN_REQUESTS = (
    b"nonsense\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 70_000 + b"\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
)


@dataclass(frozen=True)
class HostileClients:
    """The ways to be hostile, each a coroutine for one connection."""

    address: Address
    workspace: Workspace
    results: Results

    def runs(self) -> list[Awaitable[None]]:
        """Return the coroutines of all hostile clients; each opens one connection after another until cancelled."""
        kinds: list[tuple[int, Callable[[Streams], Awaitable[None]]]] = [
            (20, self._half_open_head),
            (5, self._one_byte_body),
            (2, self._flood_of_pings),
            (2, self._aborted_response),
            (3, self._unread_response),
            (3, self._unread_socket),
            (1, self._broken_requests),
            (1, self._broken_frame),
        ]
        return [self._repeat(attack) for count, attack in kinds for _ in range(count)]

    async def _repeat(self, attack: Callable[[Streams], Awaitable[None]]) -> None:
        while True:
            try:
                streams = await self.address.connect(_SMALL_BUFFER_BYTES)
                try:
                    await attack(streams)
                finally:
                    streams[1].transport.abort()
            except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                pass  # the server closed the connection, as it should
            await asyncio.sleep(_PAUSE_S)

    async def _half_open_head(self, streams: Streams) -> None:
        streams[1].write(b"GET /api/v1/projects HTTP/1.1\r\nhost: a\r\nx-unfinished: ")
        await self._expect_response(streams, "half-open head")

    async def _one_byte_body(self, streams: Streams) -> None:
        writer = streams[1]
        project = self.workspace.projects[0]
        head = encode_request("POST", f"/api/v1/projects/{project.id}/tasks", project.tokens[0], b"x" * 1000)
        writer.write(head[:-1000])
        response = asyncio.ensure_future(self._expect_response(streams, "one-byte body"))
        try:
            for _ in range(int(_PATIENCE_S)):
                writer.write(b" ")
                if (await asyncio.wait((response,), timeout=1))[0] or writer.transport.is_closing():
                    break
        finally:
            response.cancel()
        await asyncio.gather(response, return_exceptions=True)

    async def _flood_of_pings(self, streams: Streams) -> None:
        writer = streams[1]
        await self._upgrade(streams)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        for _ in range(200):
            if writer.transport.is_closing():
                return
            if not writer.transport.get_write_buffer_size():
                writer.write(_PINGS)
            await asyncio.sleep(0.01)

    async def _aborted_response(self, streams: Streams) -> None:
        await self._request_large_list(streams)
        await streams[0].read(4096)

    async def _unread_response(self, streams: Streams) -> None:
        await self._request_large_list(streams)
        streams[1].transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        await asyncio.sleep(_HOLD_S)

    async def _unread_socket(self, streams: Streams) -> None:
        project = self.workspace.projects[0]
        await self._upgrade(streams, project.tokens[0])
        join = json.dumps({"type": "join", "projectId": project.id}).encode()
        streams[1].write(b"\x81" + bytes((0x80 | len(join),)) + _MASK + join)
        streams[1].transport.pause_reading()  # type: ignore[attr-defined]  # typed as a WriteTransport
        await asyncio.sleep(_HOLD_S)

    async def _broken_requests(self, streams: Streams) -> None:
        for request in cycle(_BROKEN_REQUESTS):
            reader, writer = await self.address.connect()
            try:
                writer.write(request)
                await self._expect_response((reader, writer), "broken request")
            finally:
                writer.transport.abort()
            await asyncio.sleep(_PAUSE_S)

    async def _broken_frame(self, streams: Streams) -> None:
        await self._upgrade(streams)
        streams[1].write(_BROKEN_FRAME * 10)
        await asyncio.sleep(1)

    async def _request_large_list(self, streams: Streams) -> None:
        token = self.workspace.large_project.tokens[0]
        streams[1].write(encode_request("GET", self.workspace.large_list_path, token))
        await self._expect_response(streams, "large list")

    async def _upgrade(self, streams: Streams, token: str = "") -> None:
        authorization = f"authorization: Bearer {token}\r\n" if token else ""
        streams[1].write(
            b"GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n"
            + authorization.encode()
            + b"\r\n"
        )
        await self._expect_response(streams, "WebSocket")

    async def _expect_response(self, streams: Streams, name: str) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            status, _ = await read_head(streams[0])
        self.results.record_hostile_response(status, name)

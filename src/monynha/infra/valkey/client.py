"""Valkey as the program sees it: quick answers, or the quick news that it is away."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from monynha.core.errors import SettingsError
from monynha.infra.valkey.connection import Reply, ValkeyConnection, ValkeyUnavailableError

_REPLY_TIMEOUT_S = 1.0
_CONNECT_TIMEOUT_S = 2.0
_MAX_RECONNECT_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """Where Valkey is and how one is let in, as a URL says it."""

    host: str = "127.0.0.1"
    port: int = 6379
    socket: str | None = None
    user: str | None = None
    password: str | None = None
    database: int = 0
    is_encrypted: bool = False

    @classmethod
    def parse(cls, url: str) -> ValkeyAddress:
        """Read `redis://user:password@host:port/db`, `rediss://…` or `unix:///path.sock?db=0&password=…`."""
        parts = urlsplit(url)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        is_socket = parts.scheme == "unix"
        database = query.get("db") or ("" if is_socket else parts.path.strip("/")) or "0"
        try:
            return cls(
                host=parts.hostname or "127.0.0.1",
                port=parts.port or 6379,
                socket=unquote(parts.path) if is_socket else None,
                user=unquote(parts.username) if parts.username else query.get("username"),
                password=unquote(parts.password) if parts.password else query.get("password"),
                database=int(database),
                is_encrypted=parts.scheme in ("rediss", "valkeys"),
            )
        except ValueError:
            raise SettingsError("REDIS_URL: expected redis://host:port/number or unix:///path.sock") from None


class ValkeyClient:
    """One connection, made anew in the background when it is lost; it never blocks who asks for long."""

    def __init__(self, url: str) -> None:
        self._address = ValkeyAddress.parse(url)
        self._connection: ValkeyConnection | None = None
        self._reconnect_task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to Valkey; where it is away now, go on trying in the background."""
        valkey = cls(url)
        try:
            await valkey._connect()
        except (OSError, TimeoutError, ValkeyUnavailableError, hiredis.HiredisError):
            valkey._schedule_reconnect()
        return valkey

    async def close(self) -> None:
        """Close the connection and stop trying."""
        if self._reconnect_task is not None:
            self._reconnect_task.cancel()
        if self._connection is not None:
            self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None and self._connection.is_open

    async def is_reachable(self) -> bool:
        """Whether Valkey answers now."""
        try:
            return await self.execute("PING") is not None
        except (
            ValkeyUnavailableError,
            hiredis.ReplyError,
        ):  # one that cannot write to its disk answers with an error
            return False

    async def execute(self, *command: str | bytes | int | float) -> Reply:
        """Return the answer to a command; ValkeyAway where there is none soon: it may have run or not."""
        connection = self._connection
        if connection is None or not connection.is_open:
            self._schedule_reconnect()
            raise ValkeyUnavailableError()
        reply = connection.send(*command)
        try:
            await asyncio.wait((reply,), timeout=_REPLY_TIMEOUT_S)
            if not reply.done():
                # A loop that was held up fires its timers before it reads: look what has come meanwhile.
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            reply.cancel()
            raise
        if not reply.done():
            # Later answers would queue behind the missing one.
            reply.cancel()
            connection.close()
            raise ValkeyUnavailableError()
        return reply.result()

    def send(self, *command: str | bytes | int | float) -> None:
        """Send a command and wait for no answer; where Valkey is away it is lost."""
        connection = self._connection
        if connection is None or not connection.is_open:
            self._schedule_reconnect()
            return
        connection.send(*command).add_done_callback(_consume_exception)

    async def run_script(self, script: Script, keys: list[str], binds: list[str | int | float]) -> Reply:
        """Run a script, by its hash where the server knows it."""
        try:
            return await self.execute("EVALSHA", script.sha, len(keys), *keys, *binds)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.execute("EVAL", script.text, len(keys), *keys, *binds)

    def _schedule_reconnect(self) -> None:
        if self._reconnect_task is None or self._reconnect_task.done():
            self._reconnect_task = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        pause_s = 0.05
        while True:
            try:
                await self._connect()
                return
            except (OSError, TimeoutError, ValkeyUnavailableError, hiredis.HiredisError):
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _MAX_RECONNECT_PAUSE_S)

    async def _connect(self) -> None:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            connection = await self._open_connection()
            try:
                await self._handshake(connection)
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    async def _open_connection(self) -> ValkeyConnection:
        loop, address = asyncio.get_running_loop(), self._address
        if address.socket is not None:
            return (await loop.create_unix_connection(self._new_connection, address.socket))[1]
        context = ssl.create_default_context() if address.is_encrypted else None
        return (await loop.create_connection(self._new_connection, address.host, address.port, ssl=context))[1]

    def _new_connection(self) -> ValkeyConnection:
        return ValkeyConnection()

    async def _handshake(self, connection: ValkeyConnection) -> None:
        address = self._address
        if address.password is not None:
            credentials = (address.user, address.password) if address.user else (address.password,)
            await connection.send("AUTH", *credentials)
        if address.database:
            await connection.send("SELECT", address.database)
        await connection.send("PING")


def _consume_exception(future: asyncio.Future[Reply]) -> None:
    if not future.cancelled():
        future.exception()


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the hash by which the server knows it."""

    text: str
    sha: str

    @classmethod
    def from_text(cls, text: str) -> Script:
        """Return the script of a text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

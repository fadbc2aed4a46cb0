"""The Valkey client: pipelined commands over one connection, which is reopened in the background when it is lost.

A command fails within a second if Valkey does not respond, so nothing ever waits for it for long.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from monynha.core.errors import SettingsError

Reply: TypeAlias = "int | bytes | list[Reply] | None"
"""A reply of Valkey; which of these it is depends on the command."""

_REPLY_TIMEOUT_S = 1.0
_CONNECT_TIMEOUT_S = 2.0
_MIN_RECONNECT_PAUSE_S = 0.05
_MAX_RECONNECT_PAUSE_S = 2.0


class ValkeyUnavailableError(Exception):
    """Valkey does not respond."""


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """Where Valkey is and how to log in, as its URL states it."""

    host: str = "127.0.0.1"
    port: int = 6379
    socket: str | None = None
    user: str | None = None
    password: str | None = None
    database: int = 0
    is_encrypted: bool = False

    @classmethod
    def parse(cls, url: str) -> ValkeyAddress:
        """Parse `redis://user:password@host:port/db`, `rediss://…` or `unix:///path.sock?db=0&password=…`."""
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


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the hash by which the server knows it."""

    text: str
    sha: str

    @classmethod
    def from_text(cls, text: str) -> Script:
        """Return the script with the hash of its text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class ValkeyConnection(asyncio.Protocol):
    """Sends the commands of one event loop iteration in one write; replies arrive in the order of the commands.

    `on_message` receives the channel and data of published messages.
    """

    def __init__(self, on_message: Callable[[bytes, bytes], None] | None = None) -> None:
        self._on_message = on_message
        self.disconnected = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._pending: deque[asyncio.Future[Reply]] = deque()
        self._outgoing: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, *command: str | bytes | int | float) -> asyncio.Future[Reply]:
        """Send a command; the future holds its reply, and raises if that is an error."""
        if not self.is_open:
            raise ValkeyUnavailableError()
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # the stub lacks `...`
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._pending.append(future)
        return future

    def close(self) -> None:
        """Close at once; pending commands fail with ValkeyUnavailableError."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        # uvloop's transports can write, but are not subclasses of WriteTransport.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Reject all pending commands (asyncio calls this)."""
        self._transport = None
        self.disconnected.set()
        while self._pending:
            future = self._pending.popleft()
            if not future.done():
                future.set_exception(ValkeyUnavailableError())

    def data_received(self, data: bytes) -> None:
        """Dispatch the replies that are complete (asyncio calls this)."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._dispatch(reply)
        except hiredis.ProtocolError:
            self.close()

    def _dispatch(self, reply: Reply | hiredis.ReplyError) -> None:
        if self._on_message is not None:
            match reply:
                case [b"message", bytes() as channel, bytes() as data]:
                    self._on_message(channel, data)
                    return
        if not self._pending:
            # A reply without a command: the order is lost, and with it every later reply.
            self.close()
            return
        future = self._pending.popleft()
        if future.done():
            return
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None:
            self._transport.write(b"".join(outgoing))


class ValkeyClient:
    """Executes commands on one connection, and reconnects in the background when it is lost."""

    def __init__(self, url: str) -> None:
        self._address = ValkeyAddress.parse(url)
        # Channels do not belong to a database, so the name says which one they are of.
        self._channel_prefix = f"monynha:{self._address.database}:"
        self._connection: ValkeyConnection | None = None
        self._reconnect_task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to Valkey; if it does not respond, keep trying in the background."""
        client = cls(url)
        try:
            await client._connect()
        except (OSError, TimeoutError, ValkeyUnavailableError, hiredis.HiredisError):
            client._schedule_reconnect()
        return client

    async def close(self) -> None:
        """Close the connection and stop reconnecting."""
        if self._reconnect_task is not None:
            self._reconnect_task.cancel()
        if self._connection is not None:
            self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether there is an open connection."""
        return self._connection is not None and self._connection.is_open

    async def is_reachable(self) -> bool:
        """Whether Valkey responds to a command."""
        try:
            return await self.execute("PING") is not None
        except (ValkeyUnavailableError, hiredis.ReplyError):  # a server that cannot write to its disk replies an error
            return False

    async def execute(self, *command: str | bytes | int | float) -> Reply:
        """Return the reply to a command.

        Raises ValkeyUnavailableError without a reply within a second (the command may have run or not), and
        hiredis.ReplyError if the reply is an error.
        """
        connection = self._connection
        if connection is None or not connection.is_open:
            self._schedule_reconnect()
            raise ValkeyUnavailableError()
        reply = connection.send(*command)
        try:
            await asyncio.wait((reply,), timeout=_REPLY_TIMEOUT_S)
            if not reply.done():
                # After a long block the event loop fires its timers before it reads: read what has arrived.
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            reply.cancel()
            raise
        if not reply.done():
            # Later replies would queue behind the missing one.
            reply.cancel()
            connection.close()
            raise ValkeyUnavailableError()
        return reply.result()

    def send(self, *command: str | bytes | int | float) -> None:
        """Send a command without waiting for its reply; it is dropped if Valkey is unavailable."""
        connection = self._connection
        if connection is None or not connection.is_open:
            self._schedule_reconnect()
            return
        connection.send(*command).add_done_callback(_consume_exception)

    def publish(self, channel: str, message: bytes) -> None:
        """Publish a message to the subscribers of a channel (`PubSub`) of this database; best effort, as `send`."""
        self.send("PUBLISH", self._channel_prefix + channel, message)

    async def run_script(self, script: Script, keys: list[str], binds: list[str | int | float]) -> Reply:
        """Run a script, by its hash if the server has it cached."""
        try:
            return await self.execute("EVALSHA", script.sha, len(keys), *keys, *binds)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.execute("EVAL", script.text, len(keys), *keys, *binds)

    def start_script(self, script: Script, keys: list[str], binds: list[str | int | float]) -> asyncio.Future[Reply]:
        """Run a cached script and return the future of its reply, an error `NOSCRIPT` if it is not cached.

        Raises ValkeyUnavailableError if it could not be sent.
        """
        connection = self._connection
        if connection is None or not connection.is_open:
            self._schedule_reconnect()
            raise ValkeyUnavailableError()
        return connection.send("EVALSHA", script.sha, len(keys), *keys, *binds)

    def _schedule_reconnect(self) -> None:
        if self._reconnect_task is None or self._reconnect_task.done():
            self._reconnect_task = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        pause_s = _MIN_RECONNECT_PAUSE_S
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

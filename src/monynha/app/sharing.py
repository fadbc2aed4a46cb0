"""Processes that share a database share a Valkey too: else limits and news would reach half of them."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from monynha.core.errors import WrongSetting
from monynha.infra.postgres.login import log_in
from monynha.infra.valkey import Valkey, ValkeyAway

_NAME: Final = "monynha:name"
_KIND: Final = 0x6D6F6E79  # any number, the same everywhere: our advisory locks among others'
_LOOK_EVERY_S: Final = 30.0
_TRIES: Final = 10  # a process that has just ended is still heard for a moment
_PAUSE_S: Final = 0.2


@asynccontextmanager
async def sharing(database_url: str, redis_url: str) -> AsyncIterator[None]:
    """Say for as long as we run which Valkey goes with this database; be refused where others say another.

    Each program holds a shared lock on its Valkey's name in the database, which ends with its connection.
    """
    valkey = await Valkey.open(redis_url)
    voice: _Voice | None = None
    try:
        with suppress(ValkeyAway):  # it is no reason not to start, and who cannot ask it cannot compare
            voice = _Voice(database_url, valkey, await _name(valkey, secrets.token_hex(8)))
            await voice.start()
        yield
    finally:
        if voice:
            await voice.stop()
        await valkey.close()


class _Voice:
    """Says the name of our Valkey in the database for as long as we run."""

    def __init__(self, database_url: str, valkey: Valkey, name: str) -> None:
        self._database_url = database_url
        self._valkey = valkey
        self._name = name
        self._connection: asyncpg.Connection[Any] | None = None
        self._going_on: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say it for the first time, or be refused."""
        self._connection = await _say(self._database_url, self._name)
        self._going_on = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Fall silent."""
        if self._going_on:
            self._going_on.cancel()
            with suppress(asyncio.CancelledError):
                await self._going_on
        if self._connection:
            await self._connection.close()

    async def _go_on(self) -> None:
        """Say it again after the database was away, and name the Valkey again after it was emptied."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            with suppress(ValkeyAway):
                await _name(self._valkey, self._name)
            with suppress(WrongSetting):
                if self._connection and self._connection.is_closed():
                    self._connection = await _say(self._database_url, self._name)


async def _name(valkey: Valkey, proposal: str) -> str:
    """The name that this Valkey has, giving it one if it has none yet."""
    await valkey.ask("SET", _NAME, proposal, "NX")
    found = await valkey.ask("GET", _NAME)
    return found.decode() if isinstance(found, bytes) else str(found)


async def _say(database_url: str, name: str) -> asyncpg.Connection[Any]:
    number = zlib.crc32(name.encode()) & 0x7FFFFFFF
    connection = await log_in(database_url)
    try:
        for _ in range(_TRIES):
            # One at a time looks and speaks, or two that start together would not see each other.
            async with connection.transaction():
                await connection.execute("select pg_advisory_xact_lock($1)", _KIND)
                if not await connection.fetchval(_ANOTHER, _KIND, number):
                    await connection.execute("select pg_advisory_lock_shared($1, $2)", _KIND, number)
                    return connection
            await asyncio.sleep(_PAUSE_S)
        raise WrongSetting(
            "REDIS_URL: other processes use this database with another Valkey; give all the same"
        )
    except BaseException:
        await connection.close()
        raise


_ANOTHER: Final = """
    select exists (
      select from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 2 and l.granted
        and l.classid = $1::bigint::oid and l.objid <> $2::bigint::oid
    )
"""

"""Refuses processes that share a database but not a Valkey: limits and events would reach only some of them."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from monynha.core.errors import SettingsError
from monynha.infra.postgres.login import log_in
from monynha.infra.valkey import ValkeyClient, ValkeyUnavailableError

_NAME_KEY: Final = "monynha:name"
_LOCK_CLASS: Final = 0x6D6F6E79  # an arbitrary number: the class of our advisory locks
_RENEW_INTERVAL_S: Final = 30.0
_MAX_ATTEMPTS: Final = 10  # the lock of a process that has just exited remains for a moment
_RETRY_INTERVAL_S: Final = 0.2


@asynccontextmanager
async def claim_valkey(database_url: str, redis_url: str) -> AsyncIterator[None]:
    """Claim in the database, for as long as the context lasts, which Valkey belongs to it.

    The claim is a shared advisory lock on the name of the Valkey, which ends with its connection. Raises
    SettingsError if another program claims another Valkey.
    """
    valkey = await ValkeyClient.open(redis_url)
    claim: _ValkeyClaim | None = None
    try:
        with suppress(ValkeyUnavailableError):  # the program starts without Valkey, and cannot compare its name
            claim = _ValkeyClaim(database_url, valkey, await _ensure_valkey_name(valkey, secrets.token_hex(8)))
            await claim.start()
        yield
    finally:
        if claim:
            await claim.stop()
        await valkey.close()


class _ValkeyClaim:
    """Holds the advisory lock on the name of our Valkey."""

    def __init__(self, database_url: str, valkey: ValkeyClient, name: str) -> None:
        self._database_url = database_url
        self._valkey = valkey
        self._name = name
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._renew_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the lock, and renew it in the background; raise SettingsError if another Valkey is claimed."""
        self._connection = await _claim_in_database(self._database_url, self._name)
        self._renew_task = asyncio.create_task(self._renew())

    async def stop(self) -> None:
        """Release the lock."""
        if self._renew_task:
            self._renew_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._renew_task
        if self._connection:
            await self._connection.close()

    async def _renew(self) -> None:
        """Take the lock again after the database was away, and name the Valkey again after it was emptied."""
        while True:
            await asyncio.sleep(_RENEW_INTERVAL_S)
            with suppress(ValkeyUnavailableError):
                await _ensure_valkey_name(self._valkey, self._name)
            with suppress(SettingsError):
                if self._connection and self._connection.is_closed():
                    self._connection = await _claim_in_database(self._database_url, self._name)


async def _ensure_valkey_name(valkey: ValkeyClient, proposed_name: str) -> str:
    """Return the name stored in this Valkey, storing the proposed one if there is none."""
    await valkey.execute("SET", _NAME_KEY, proposed_name, "NX")
    name = await valkey.execute("GET", _NAME_KEY)
    return name.decode() if isinstance(name, bytes) else str(name)


async def _claim_in_database(database_url: str, name: str) -> asyncpg.Connection[asyncpg.Record]:
    """Return a connection that holds the lock; raise SettingsError if another name is locked."""
    lock_id = zlib.crc32(name.encode()) & 0x7FFFFFFF
    connection = await log_in(database_url)
    try:
        for _ in range(_MAX_ATTEMPTS):
            # One process at a time checks and locks; two that start together would not see each other's lock.
            async with connection.transaction():
                await connection.execute("select pg_advisory_xact_lock($1)", _LOCK_CLASS)
                if not await connection.fetchval(_OTHER_CLAIM_SQL, _LOCK_CLASS, lock_id):
                    await connection.execute("select pg_advisory_lock_shared($1, $2)", _LOCK_CLASS, lock_id)
                    return connection
            await asyncio.sleep(_RETRY_INTERVAL_S)
        raise SettingsError("REDIS_URL: other processes use this database with another Valkey; set the same for all")
    except BaseException:
        await connection.close()
        raise


_OTHER_CLAIM_SQL: Final = """
    select exists (
      select from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 2 and l.granted
        and l.classid = $1::bigint::oid and l.objid <> $2::bigint::oid
    )
"""

"""Connections that are one role from their first moment and need no reset between askers."""

from __future__ import annotations

from typing import Any

import asyncpg

_TELLING = "monynha:"
_SESSION = {
    "monynha.tells": "on",
    "timezone": "UTC",
    "jit": "off",
    # A worker of a parallel plan would not see claims that were set by the statement that started it.
    "max_parallel_workers_per_gather": "0",
    "standard_conforming_strings": "on",
    "application_name": "monynha",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "30000",
}


class Connection(asyncpg.Connection):
    """A connection whose claims end with each transaction, so that giving it back costs no round trip.

    It gathers what our triggers say within a transaction: which streams it writes to.
    """

    _told = ""

    def take_told(self) -> str:
        """Return what was said since the last time."""
        told, self._told = self._told, ""
        return told

    def _process_log_message(self, fields: dict[str, str], last_query: str | None) -> None:
        # asyncpg's own listeners come a turn of the loop later, and are taken away when a pool lends anew.
        message = fields.get("M", "")
        if message.startswith(_TELLING):
            said = message.removeprefix(_TELLING)
            self._told = f"{self._told},{said}" if self._told else said

    def get_reset_query(self) -> str:
        """Return nothing to run: there is nothing to forget."""
        return ""


async def open_pool(url: str, role: str, *, size: int, least: int = 1) -> asyncpg.Pool:
    """Open a pool whose connections act as the role."""
    return await asyncpg.create_pool(
        url,
        min_size=least,
        max_size=size,
        max_inactive_connection_lifetime=300,
        command_timeout=30,
        timeout=5,
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        connection_class=Connection,
        server_settings={**_SESSION, "role": role},
        init=_read_json_as_bytes,
    )


async def _read_json_as_bytes(connection: Any) -> None:
    # PostgreSQL's JSON is the answer: it goes through unopened.
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )

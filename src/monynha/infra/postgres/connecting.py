"""How a connection begins: as one role from its first moment, with settings that no asker changes."""

from __future__ import annotations

import asyncpg

WAIT_S = 5
"""How long to wait for a connection."""
WITHIN_S = 30
"""How long a statement may take."""
PREPARED = 200
"""How many statements a connection keeps: each holds its plan, some 100 kB for a deep GraphQL document."""

_TELLING = "monynha:"
_SESSION = {
    "monynha.tells": "on",
    "timezone": "UTC",
    "jit": "off",
    # A worker of a parallel plan would not see claims that were set by the statement that started it.
    "max_parallel_workers_per_gather": "0",
    "standard_conforming_strings": "on",
    "application_name": "monynha",
    "statement_timeout": f"{WITHIN_S}s",
    "idle_in_transaction_session_timeout": f"{WITHIN_S}s",
}


class Connection(asyncpg.Connection):
    """A connection that gathers what our triggers say within a transaction: which streams it writes to."""

    _told = ""

    def take_told(self) -> str:
        """Return what was said since the last time."""
        told, self._told = self._told, ""
        return told

    def _process_log_message(self, fields: dict[str, str], last_query: str | None) -> None:
        # asyncpg's own listeners are called a turn of the loop later.
        self._told = with_told(self._told, fields.get("M", ""))


def with_told(told: str, message: str) -> str:
    """Return what our triggers told, with what one more notice says, if it is theirs."""
    if not message.startswith(_TELLING):
        return told
    said = message.removeprefix(_TELLING)
    return f"{told},{said}" if told else said


async def connect(url: str, role: str) -> Connection:
    """Open a connection as the role."""
    connection: Connection = await asyncpg.connect(
        url,
        connection_class=Connection,
        timeout=WAIT_S,
        command_timeout=WITHIN_S,
        statement_cache_size=PREPARED,
        max_cached_statement_lifetime=0,
        server_settings={**_SESSION, "role": role},
    )
    return connection

"""How a connection begins: as one role from its first moment, with settings that no asker changes."""

from __future__ import annotations

import asyncpg

from monynha.infra.postgres.stream_version import StreamVersion, parse_notice

ACQUIRE_TIMEOUT_S = 5
"""How long to wait for a connection."""
STATEMENT_TIMEOUT_S = 30
"""How long a statement may take."""
MAX_PREPARED_STATEMENTS = 200
"""How many statements a connection keeps: each holds its plan, some 100 kB for a deep GraphQL document."""

_SESSION_SETTINGS = {
    "monynha.report_writes": "on",
    "timezone": "UTC",
    "jit": "off",
    # A worker of a parallel plan would not see claims that were set by the statement that started it.
    "max_parallel_workers_per_gather": "0",
    "standard_conforming_strings": "on",
    "application_name": "monynha",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_TIMEOUT_S}s",
}


class DriverConnection(asyncpg.Connection):
    """A connection that gathers what our triggers say within a transaction: which streams it writes to."""

    _stream_versions: tuple[StreamVersion, ...] = ()

    def take_stream_versions(self) -> tuple[StreamVersion, ...]:
        """Return what was said since the last time."""
        stream_versions, self._stream_versions = self._stream_versions, ()
        return stream_versions

    def _process_log_message(self, fields: dict[str, str], last_query: str | None) -> None:
        # asyncpg's own listeners are called a turn of the loop later.
        self._stream_versions += parse_notice(fields.get("M", ""))


async def connect(url: str, role: str) -> DriverConnection:
    """Open a connection as the role."""
    connection: DriverConnection = await asyncpg.connect(
        url,
        connection_class=DriverConnection,
        timeout=ACQUIRE_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        statement_cache_size=MAX_PREPARED_STATEMENTS,
        max_cached_statement_lifetime=0,
        server_settings={**_SESSION_SETTINGS, "role": role},
    )
    return connection

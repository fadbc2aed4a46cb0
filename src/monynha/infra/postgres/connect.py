"""Opens the connections of all pools: as one role from the start, with session settings that no caller changes."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

import asyncpg

from monynha.infra.postgres.stream_version import StreamVersion, parse_notice

ACQUIRE_TIMEOUT_S = 5
"""How long a caller waits for a connection."""
LOCK_TIMEOUT_MS = 300
"""How long a statement waits for a lock before it moves to connections where only others that wait are."""
STATEMENT_TIMEOUT_S = 30
"""How long a statement may run."""
MAX_PREPARED_STATEMENTS = 200
"""How many prepared statements a connection keeps; each holds its plan, up to 100 kB for a deep GraphQL query."""

_SESSION_SETTINGS = {
    # The event triggers report the stream versions they write as notices.
    "monynha.report_writes": "on",
    "timezone": "UTC",
    "jit": "off",
    # A parallel worker would not see claims that were set by the statement it belongs to.
    "max_parallel_workers_per_gather": "0",
    "standard_conforming_strings": "on",
    "application_name": "monynha",
    # A server process whose connection is gone ends what it runs, even if it waits for a lock.
    "client_connection_check_interval": "500ms",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_TIMEOUT_S}s",
}


class DriverConnection(asyncpg.Connection):
    """A connection that collects the stream versions that our triggers report during a transaction."""

    _stream_versions: tuple[StreamVersion, ...] = ()

    def take_stream_versions(self) -> tuple[StreamVersion, ...]:
        """Return and clear what was reported since the last call."""
        stream_versions, self._stream_versions = self._stream_versions, ()
        return stream_versions

    def _process_log_message(self, fields: dict[str, str], last_query: str | None) -> None:
        # Overridden, because asyncpg calls its log listeners only in the next event loop iteration.
        self._stream_versions += parse_notice(fields.get("M", ""))


def with_session_setting(url: str, name: str, value: str) -> str:
    """Return the URL so that connections have the setting: asyncpg takes unknown parameters for settings."""
    parts = urlsplit(url)
    query = "&".join(text for text in (parts.query, urlencode({name: value})) if text)
    return urlunsplit(parts._replace(query=query))


async def connect(url: str, role: str, *, lock_timeout_ms: int = 0) -> DriverConnection:
    """Open a connection whose current role is `role`, and which waits for a lock as long as given (0: any time)."""
    connection: DriverConnection = await asyncpg.connect(
        url,
        connection_class=DriverConnection,
        timeout=ACQUIRE_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        statement_cache_size=MAX_PREPARED_STATEMENTS,
        max_cached_statement_lifetime=0,
        server_settings={**_SESSION_SETTINGS, "role": role, "lock_timeout": f"{lock_timeout_ms}ms"},
    )
    return connection

"""One pipelined connection: queries are sent without waiting for the results of those before them.

Each query is a transaction of its own (Bind, Execute, Sync), so the claims of one never reach the next, and a
query that fails fails alone. Results arrive in the order of the queries; a query whose caller was cancelled
still takes its result. asyncpg opens the connection (TLS, SCRAM, settings) and then hands over its transport.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import asyncpg

from monynha.core.errors import UnavailableError
from monynha.core.lru_cache import LruCache
from monynha.infra.postgres.connect import MAX_PREPARED_STATEMENTS, STATEMENT_TIMEOUT_S
from monynha.infra.postgres.errors import LOCK_TIMEOUT
from monynha.infra.postgres.pipeline import protocol
from monynha.infra.postgres.pipeline.cancel_request import cancel_running_statement
from monynha.infra.postgres.pipeline.protocol import PreparedStatement, Row, unpack_length
from monynha.infra.postgres.stream_version import StreamVersion, parse_notice

# `statement_timeout` ends a slow statement before; this is for a server that does not respond any more.
_SILENCE_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5
_CHECK_INTERVAL_S: Final = 0.1
_GIVE_UP_AFTER_S: Final = 0.3
"""How long a query may hold up those behind it, before they are all taken elsewhere."""
_CONFIRM_AFTER_S: Final = 0.02
"""How long a result may have waited to be read, if this process was busy, when the time is up."""
_CANCEL_TIMEOUT_S: Final = 5.0
"""How long the server may take to end a query after it was asked to."""
_SLOW_AFTER_S: Final = 0.05
"""How long a query on a shared connection may take before its statement is reported as slow."""
# SQLSTATEs of a prepared statement whose tables a migration changed, or that is gone: it is prepared again.
_OUTDATED_STATEMENT = {"0A000", "26000"}


class QueryResult(NamedTuple):
    """The first row of a query's result, and the stream versions that triggers reported while it ran."""

    row: Row | None
    stream_versions: tuple[StreamVersion, ...]

    @property
    def value(self) -> bytes | None:
        """The first column of the row, or None."""
        return self.row[0] if self.row else None


QueryFuture = asyncio.Future[QueryResult]


class _PendingReply:
    """What the server has sent so far in response to one message of ours."""

    __slots__ = ("error", "row", "stream_versions")

    def __init__(self) -> None:
        self.row: Row | None = None
        self.error: BaseException | None = None
        self.stream_versions: tuple[StreamVersion, ...] = ()


class PendingQuery(_PendingReply):
    """A query from the moment it is queued until its result is complete.

    The result does not refer to the query: that reference cycle would live until the garbage collector runs.
    """

    __slots__ = ("binds", "future", "is_retry", "statement", "was_blocked")

    def __init__(self, statement: str, binds: Sequence[object], future: QueryFuture) -> None:
        super().__init__()
        self.statement = statement
        self.binds = binds
        self.future = future
        self.is_retry = False
        self.was_blocked = False
        """Whether a connection has given it up already."""

    def resolve(self) -> None:
        """Give the caller the result, unless it was cancelled."""
        if not self.future.done():
            self.future.set_result(QueryResult(self.row, self.stream_versions))

    def reject(self, error: BaseException) -> None:
        """Raise the error in the caller, unless it was cancelled."""
        if not self.future.done():
            self.future.set_exception(error)

    def reset_for_retry(self) -> None:
        """Drop what arrived, so that the query can be sent once more."""
        self.is_retry = True
        self.clear_reply()

    def clear_reply(self) -> None:
        """Drop what arrived."""
        self.row, self.error, self.stream_versions = None, None, ()


OnBlocked = Callable[[str, Sequence[PendingQuery]], None]
"""Takes over queries without results: the statement that held them up, and the queries, whose own are among them."""


class _PendingPreparation(_PendingReply):
    """A statement that is being prepared, and the queries that wait for it."""

    __slots__ = ("name", "parameter_oids", "queries", "statement")

    def __init__(self, statement: str, name: bytes) -> None:
        super().__init__()
        self.statement = statement
        self.name = name
        self.parameter_oids: list[int] = []
        self.queries: list[PendingQuery] = []


class PipelineConnection(asyncio.Protocol):
    """Sends queries and hands out their results.

    `on_capacity` is called when results arrived, and when the connection is lost; `on_slow_statement` with each
    statement that took long, whether or not it succeeded and its caller still waits. `on_blocked` takes over a query
    that could not get a lock in time; with `gives_up_blocked` also all queries of a connection whose first one takes
    too long, which therefore must be such that they can be run twice.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        *,
        on_capacity: Callable[[PipelineConnection], None],
        on_slow_statement: Callable[[str], None],
        on_blocked: OnBlocked | None = None,
        gives_up_blocked: bool = False,
    ) -> None:
        self._on_blocked = on_blocked
        self._gives_up_blocked = gives_up_blocked
        self._connection = connection
        self._on_capacity = on_capacity
        self._on_slow_statement = on_slow_statement
        self._loop = asyncio.get_running_loop()
        # From here on asyncpg is only asked to terminate the connection.
        self._transport: asyncio.Transport = connection._transport  # type: ignore[attr-defined]  # not in the stubs
        self._transport.set_protocol(self)
        self._statements: LruCache[str, PreparedStatement | _PendingPreparation] = LruCache(MAX_PREPARED_STATEMENTS)
        self._statement_count = 0
        self._in_flight: deque[PendingQuery | _PendingPreparation] = deque()
        self._buffer = bytearray()
        self._needed_bytes = 0
        self._check_timer: asyncio.TimerHandle | None = None
        self._blocked_head: object = None
        self._cancel_task: asyncio.Task[None] | None = None
        self._received_at = 0.0
        self._head_started_at = 0.0
        self.load = 0
        """How many queries were sent or wait for a preparation, and have no result yet."""
        self.is_closed = False

    def send(self, queries: Sequence[PendingQuery]) -> None:
        """Send queries in one write."""
        if not self._in_flight:
            self._head_started_at = self._loop.time()
        messages: list[bytes] = []
        for query in queries:
            self._enqueue(query, messages)
        if messages:
            self._transport.write(b"".join(messages))
        if self._check_timer is None:
            self._check_timer = self._loop.call_later(_CHECK_INTERVAL_S, self._check_progress)

    def is_blocked(self, seconds: float) -> bool:
        """Whether the query at the head has run for longer than that many seconds."""
        return self._loop.time() - self._head_started_at > seconds

    def close(self) -> None:
        """Close the connection at once; queries in flight fail with UnavailableError."""
        self._connection.terminate()

    def _enqueue(self, query: PendingQuery, messages: list[bytes]) -> None:
        statement = self._statements.get(query.statement)
        if isinstance(statement, PreparedStatement):
            self._bind(statement, query, messages)
            return
        if statement is None:
            try:
                statement = self._prepare(query.statement, messages)
            except UnicodeEncodeError as error:
                query.reject(error)
                return
        statement.queries.append(query)
        self.load += 1

    def _bind(self, prepared: PreparedStatement, query: PendingQuery, messages: list[bytes]) -> None:
        try:
            message = prepared.bind_message(query.binds)
        # Any exception: if it went further up, the queries before would be in flight without having been sent,
        # and would take the results of others.
        except Exception as error:
            query.reject(error)
        else:
            messages.append(message)
            self._in_flight.append(query)
            self.load += 1

    def _prepare(self, statement: str, messages: list[bytes]) -> _PendingPreparation:
        self._statement_count += 1
        preparation = _PendingPreparation(statement, b"q%d" % self._statement_count)
        message = protocol.prepare_message(preparation.name, statement)
        evicted = self._statements.put(statement, preparation)
        if isinstance(evicted, PreparedStatement):
            messages.append(protocol.close_message(evicted.name))
        self._in_flight.append(preparation)
        messages.append(message)
        return preparation

    def data_received(self, data: bytes) -> None:
        """Handle all complete messages and keep the beginning of an incomplete one (asyncio calls this)."""
        self._received_at = self._loop.time()
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed_bytes:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        offset, end = 0, len(data)
        self._needed_bytes = 5
        while end - offset >= 5:
            next_offset = offset + 1 + unpack_length(data, offset + 1)[0]
            if next_offset > end:
                self._needed_bytes = next_offset - offset
                break
            if self._in_flight:
                self._handle_message(data, offset, next_offset)
            offset = next_offset
        if offset < end:
            self._buffer += data[offset:]
        self._on_capacity(self)

    def _handle_message(self, data: bytes, offset: int, end: int) -> None:
        kind = data[offset]
        head = self._in_flight[0]
        if kind == protocol.DATA_ROW:
            if head.row is None:
                head.row = protocol.parse_row(data, offset + 5)
        elif kind == protocol.READY_FOR_QUERY:
            self._in_flight.popleft()
            seconds, self._head_started_at = self._received_at - self._head_started_at, self._received_at
            if isinstance(head, PendingQuery):
                if seconds > _SLOW_AFTER_S:
                    self._on_slow_statement(head.statement)
                self._finish_query(head)
            else:
                self._finish_preparation(head)
        elif kind == protocol.ERROR_RESPONSE:
            head.error = protocol.to_postgres_error(protocol.parse_fields(data, offset + 5, end))
        elif kind == protocol.NOTICE_RESPONSE:
            head.stream_versions += parse_notice(protocol.parse_fields(data, offset + 5, end).get("M", ""))
        elif kind == protocol.PARAMETER_DESCRIPTION and isinstance(head, _PendingPreparation):
            head.parameter_oids = protocol.parse_parameter_oids(data, offset + 5)

    def _finish_query(self, query: PendingQuery) -> None:
        self.load -= 1
        error = query.error
        if error is None:
            query.resolve()
        elif self._has_lock_timeout(query):
            self._hand_over(query.statement, (query,))
        elif getattr(error, "sqlstate", "") in _OUTDATED_STATEMENT and not query.is_retry:
            query.reset_for_retry()
            self._discard_statement(query.statement)
            self.send((query,))
        else:
            query.reject(error)

    def _discard_statement(self, statement: str) -> None:
        """Forget an outdated statement; queries that failed with it join the same new preparation."""
        prepared = self._statements.get(statement)
        if isinstance(prepared, PreparedStatement):
            self._statements.discard(statement)
            self._transport.write(protocol.close_message(prepared.name))

    def _finish_preparation(self, preparation: _PendingPreparation) -> None:
        self.load -= len(preparation.queries)
        if preparation.error is not None:
            self._statements.discard(preparation.statement)
            if self._has_lock_timeout(preparation):
                self._hand_over(preparation.statement, preparation.queries)
                return
            for query in preparation.queries:
                query.reject(preparation.error)
            return
        prepared = PreparedStatement(preparation.name, preparation.parameter_oids)
        messages: list[bytes] = []
        for query in preparation.queries:
            if not query.future.cancelled():
                self._bind(prepared, query, messages)
        if self._statements.get(preparation.statement) is preparation:
            self._statements.put(preparation.statement, prepared)
        else:
            # Evicted while it was being prepared.
            messages.append(protocol.close_message(prepared.name))
        self._transport.write(b"".join(messages))

    def connection_lost(self, exc: Exception | None) -> None:
        """Reject every query without a result (asyncio calls this)."""
        self.is_closed = True
        if self._check_timer is not None:
            self._check_timer.cancel()
        while self._in_flight:
            pending = self._in_flight.popleft()
            for query in (pending,) if isinstance(pending, PendingQuery) else pending.queries:
                query.reject(pending.error or UnavailableError())
        self._connection.terminate()
        self._on_capacity(self)

    # Queries that take too long.

    def _check_progress(self) -> None:
        """Give up what has been held up for too long, and a server that does not respond any more."""
        self._check_timer = None
        if not self._in_flight or self.is_closed:
            return
        if self.is_blocked(_SILENCE_TIMEOUT_S):
            self.close()
            return
        delay_s = _CHECK_INTERVAL_S
        if self._gives_up_blocked and self.is_blocked(_GIVE_UP_AFTER_S):
            if self._blocked_head is self._in_flight[0]:
                self._give_up()
                return
            # The result may have arrived and not have been read, as timers precede sockets in the event loop.
            self._blocked_head, delay_s = self._in_flight[0], _CONFIRM_AFTER_S
        self._check_timer = self._loop.call_later(delay_s, self._check_progress)

    def _give_up(self) -> None:
        """Hand over all queries without a result and close; the server process ends when it notices."""
        pendings = tuple(self._in_flight)
        self._in_flight.clear()
        self._blocked_head = None
        queries: list[PendingQuery] = []
        for pending in pendings:
            queries += (pending,) if isinstance(pending, PendingQuery) else pending.queries
        # Closed first, so that no query is sent here again.
        self.is_closed = True
        self.close()
        self._on_capacity(self)
        self._hand_over(pendings[0].statement, queries)

    def _has_lock_timeout(self, reply: _PendingReply) -> bool:
        return self._on_blocked is not None and getattr(reply.error, "sqlstate", "") == LOCK_TIMEOUT

    def _hand_over(self, statement: str, queries: Sequence[PendingQuery]) -> None:
        for query in queries:
            query.clear_reply()
        # Queries are given up only where somebody takes them over.
        assert self._on_blocked is not None
        self._on_blocked(statement, queries)

    def cancel_if_abandoned(self, query: PendingQuery, future: QueryFuture) -> None:
        """Cancel the query on the server if its caller was cancelled; it must have the connection to itself."""
        if future.cancelled() and not self.is_closed and self._is_in_flight(query):
            # Counts as load, so that no other query is sent here, which the request could hit.
            self.load += 1
            self._cancel_task = self._loop.create_task(self._cancel(query))

    async def _cancel(self, query: PendingQuery) -> None:
        was_sent = await cancel_running_statement(self._connection)
        self.load -= 1
        if not was_sent:
            self.close()
        elif self.load:
            self._loop.call_later(_CANCEL_TIMEOUT_S, self._close_if_running, query)
        else:
            self._on_capacity(self)

    def _close_if_running(self, query: PendingQuery) -> None:
        if self._is_in_flight(query):
            self.close()

    def _is_in_flight(self, query: PendingQuery) -> bool:
        return any(
            pending is query or (isinstance(pending, _PendingPreparation) and query in pending.queries)
            for pending in self._in_flight
        )

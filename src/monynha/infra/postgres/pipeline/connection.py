"""A connection that many questions share: they are sent without waiting for the answers before them.

Each question is a transaction of its own (Bind, Execute, Sync), so the claims of one never reach the next,
and one that fails fails alone. Answers come in the order of the questions; who waits no more is passed over.
The driver opens the connection (TLS, SCRAM, settings); from then on the wire is spoken here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg

from monynha.core.errors import UnavailableError
from monynha.core.lru_cache import LruCache
from monynha.infra.postgres.connect import MAX_PREPARED_STATEMENTS, STATEMENT_TIMEOUT_S
from monynha.infra.postgres.pipeline import protocol
from monynha.infra.postgres.pipeline.pending_query import PendingPreparation, PendingQuery
from monynha.infra.postgres.pipeline.protocol import PreparedStatement, read_length

# The server gives up first and says so; this is for a server that says nothing any more.
_SILENCE_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5
_SLOW_AFTER_S: Final = 0.05
"""How long a question may take that shares its connection."""
# What was prepared reads something else now (a migration), or is gone: it is prepared once more.
_OUTDATED_STATEMENT = {"0A000", "26000"}


class PipelineConnection(asyncio.Protocol):
    """Sends questions and hands out their answers.

    `on_free` is called when answers came, and at the end; `on_slow` with each statement that takes long,
    whether or not it succeeds and somebody still waits for it.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        *,
        on_capacity: Callable[[PipelineConnection], None],
        on_slow_statement: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._on_capacity = on_capacity
        self._on_slow_statement = on_slow_statement
        self._loop = asyncio.get_running_loop()
        # The stubs do not know it; the driver is not asked anything any more.
        self._transport: asyncio.Transport = connection._transport  # type: ignore[attr-defined]
        self._transport.set_protocol(self)
        self._statements: LruCache[str, PreparedStatement | PendingPreparation] = LruCache(MAX_PREPARED_STATEMENTS)
        self._statement_count = 0
        self._in_flight: deque[PendingQuery | PendingPreparation] = deque()
        self._buffer = bytearray()
        self._needed_bytes = 0
        self._silence_timer: asyncio.TimerHandle | None = None
        self._received_at = 0.0
        self._head_started_at = 0.0
        self.load = 0
        self.is_closed = False

    def send(self, queries: Sequence[PendingQuery]) -> None:
        """Send questions, in one write."""
        if not self._in_flight:
            self._head_started_at = self._loop.time()
        messages: list[bytes] = []
        for query in queries:
            self._enqueue(query, messages)
        if messages:
            self._transport.write(b"".join(messages))
        if self._silence_timer is None:
            self._check_silence(None)

    def is_blocked(self, seconds: float) -> bool:
        """Whether the question whose turn it is has taken longer than that."""
        return self._loop.time() - self._head_started_at > seconds

    def close(self) -> None:
        """End the connection, waiting for nothing."""
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
        # Whatever it is: were it to reach further, those before would be under way and never sent, and their
        # answers would be taken for those of others.
        except Exception as error:
            query.reject(error)
        else:
            messages.append(message)
            self._in_flight.append(query)
            self.load += 1

    def _prepare(self, statement: str, messages: list[bytes]) -> PendingPreparation:
        self._statement_count += 1
        preparing = PendingPreparation(statement, b"q%d" % self._statement_count)
        message = protocol.prepare_message(preparing.name, statement)
        evicted = self._statements.put(statement, preparing)
        if isinstance(evicted, PreparedStatement):
            messages.append(protocol.close_message(evicted.name))
        self._in_flight.append(preparing)
        messages.append(message)
        return preparing

    def data_received(self, data: bytes) -> None:
        """Read what the server says: any number of messages, the last perhaps cut."""
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
            next_offset = offset + 1 + read_length(data, offset + 1)[0]
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
            head.on_notice(protocol.parse_fields(data, offset + 5, end).get("M", ""))
        elif kind == protocol.PARAMETER_DESCRIPTION and isinstance(head, PendingPreparation):
            head.parameter_oids = protocol.parse_parameter_oids(data, offset + 5)

    def _finish_query(self, query: PendingQuery) -> None:
        self.load -= 1
        error = query.error
        if error is None:
            query.resolve()
        elif getattr(error, "sqlstate", "") in _OUTDATED_STATEMENT and not query.is_retry:
            query.reset_for_retry()
            self._discard_statement(query.statement)
            self.send((query,))
        else:
            query.reject(error)

    def _discard_statement(self, statement: str) -> None:
        """Have a statement prepared once more; who failed together joins the same preparation."""
        prepared = self._statements.get(statement)
        if isinstance(prepared, PreparedStatement):
            self._statements.discard(statement)
            self._transport.write(protocol.close_message(prepared.name))

    def _finish_preparation(self, preparing: PendingPreparation) -> None:
        self.load -= len(preparing.queries)
        if preparing.error is not None:
            self._statements.discard(preparing.statement)
            for query in preparing.queries:
                query.reject(preparing.error)
            return
        prepared = PreparedStatement(preparing.name, preparing.parameter_oids)
        messages: list[bytes] = []
        for query in preparing.queries:
            self._bind(prepared, query, messages)
        if self._statements.get(preparing.statement) is preparing:
            self._statements.put(preparing.statement, prepared)
        else:
            messages.append(protocol.close_message(prepared.name))
        self._transport.write(b"".join(messages))

    def connection_lost(self, error: Exception | None) -> None:
        """Tell all who wait that no answer will come."""
        self.is_closed = True
        if self._silence_timer is not None:
            self._silence_timer.cancel()
        while self._in_flight:
            pending = self._in_flight.popleft()
            for query in (pending,) if isinstance(pending, PendingQuery) else pending.queries:
                query.reject(pending.error or UnavailableError())
        self._connection.terminate()
        self._on_capacity(self)

    def _check_silence(self, previous_head: object) -> None:
        """End the connection where one answer has kept everybody waiting since the last look."""
        head = self._in_flight[0] if self._in_flight else None
        if head is None:
            self._silence_timer = None
        elif head is previous_head:
            self.close()
        else:
            self._silence_timer = self._loop.call_later(_SILENCE_TIMEOUT_S, self._check_silence, head)

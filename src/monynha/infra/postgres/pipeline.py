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

from monynha.core.errors import Unavailable
from monynha.core.remembered import Remembered
from monynha.infra.postgres import wire
from monynha.infra.postgres.connecting import PREPARED, WITHIN_S
from monynha.infra.postgres.turn import Asked, Preparing
from monynha.infra.postgres.wire import Prepared, read_length

# The server gives up first and says so; this is for a server that says nothing any more.
_SILENCE_S: Final = WITHIN_S + 5
_SLOW_S: Final = 0.05
"""How long a question may take that shares its connection."""
# What was prepared reads something else now (a migration), or is gone: it is prepared once more.
_OUTDATED = {"0A000", "26000"}


class Pipeline(asyncio.Protocol):
    """Sends questions and hands out their answers.

    `on_free` is called when answers came, and at the end; `on_slow` with each statement that takes long,
    whether or not it succeeds and somebody still waits for it.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        *,
        on_free: Callable[[Pipeline], None],
        on_slow: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._on_free = on_free
        self._on_slow = on_slow
        self._loop = asyncio.get_running_loop()
        # The stubs do not know it; the driver is not asked anything any more.
        self._transport: asyncio.Transport = connection._transport  # type: ignore[attr-defined]
        self._transport.set_protocol(self)
        self._known: Remembered[str, Prepared | Preparing] = Remembered(PREPARED)
        self._count = 0
        self._under_way: deque[Asked | Preparing] = deque()
        self._rest = bytearray()
        self._need = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._since = 0.0
        self.load = 0
        self.is_closed = False

    def ask(self, questions: Sequence[Asked]) -> None:
        """Send questions, in one write."""
        if not self._under_way:
            self._since = self._loop.time()
        written: list[bytes] = []
        for one in questions:
            self._ask(one, written)
        if written:
            self._transport.write(b"".join(written))
        if self._alarm is None:
            self._watch(None)

    def is_held_up(self, seconds: float) -> bool:
        """Whether the question whose turn it is has taken longer than that."""
        return self._loop.time() - self._since > seconds

    def close(self) -> None:
        """End the connection, waiting for nothing."""
        self._connection.terminate()

    def _ask(self, asked: Asked, written: list[bytes]) -> None:
        known = self._known.get(asked.statement)
        if isinstance(known, Prepared):
            self._bind(known, asked, written)
            return
        if known is None:
            try:
                known = self._prepare(asked.statement, written)
            except UnicodeEncodeError as error:
                asked.refuse(error)
                return
        known.waiting.append(asked)
        self.load += 1

    def _bind(self, prepared: Prepared, asked: Asked, written: list[bytes]) -> None:
        try:
            message = prepared.bound(asked.binds)
        # Whatever it is: were it to reach further, those before would be under way and never sent, and their
        # answers would be taken for those of others.
        except Exception as error:
            asked.refuse(error)
        else:
            written.append(message)
            self._under_way.append(asked)
            self.load += 1

    def _prepare(self, statement: str, written: list[bytes]) -> Preparing:
        self._count += 1
        preparing = Preparing(statement, b"q%d" % self._count)
        message = wire.parse(preparing.name, statement)
        gone = self._known.keep(statement, preparing)
        if isinstance(gone, Prepared):
            written.append(wire.forget(gone.name))
        self._under_way.append(preparing)
        written.append(message)
        return preparing

    def data_received(self, data: bytes) -> None:
        """Read what the server says: any number of messages, the last perhaps cut."""
        self._heard = self._loop.time()
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        self._need = 5
        while end - at >= 5:
            after = at + 1 + read_length(data, at + 1)[0]
            if after > end:
                self._need = after - at
                break
            if self._under_way:
                self._read(data, at, after)
            at = after
        if at < end:
            self._rest += data[at:]
        self._on_free(self)

    def _read(self, data: bytes, at: int, after: int) -> None:
        kind = data[at]
        first = self._under_way[0]
        if kind == wire.DATA_ROW:
            if first.row is None:
                first.row = wire.read_row(data, at + 5)
        elif kind == wire.READY:
            self._under_way.popleft()
            seconds, self._since = self._heard - self._since, self._heard
            if isinstance(first, Asked):
                if seconds > _SLOW_S:
                    self._on_slow(first.statement)
                self._answered(first)
            else:
                self._prepared(first)
        elif kind == wire.ERROR:
            first.error = wire.error_of(wire.read_fields(data, at + 5, after))
        elif kind == wire.NOTICE:
            first.hear(wire.read_fields(data, at + 5, after).get("M", ""))
        elif kind == wire.PARAMETERS and isinstance(first, Preparing):
            first.oids = wire.read_parameters(data, at + 5)

    def _answered(self, asked: Asked) -> None:
        self.load -= 1
        error = asked.error
        if error is None:
            asked.finish()
        elif getattr(error, "sqlstate", "") in _OUTDATED and not asked.is_second:
            asked.again()
            self._forget(asked.statement)
            self.ask((asked,))
        else:
            asked.refuse(error)

    def _forget(self, statement: str) -> None:
        """Have a statement prepared once more; who failed together joins the same preparation."""
        known = self._known.get(statement)
        if isinstance(known, Prepared):
            self._known.forget(statement)
            self._transport.write(wire.forget(known.name))

    def _prepared(self, preparing: Preparing) -> None:
        self.load -= len(preparing.waiting)
        if preparing.error is not None:
            self._known.forget(preparing.statement)
            for one in preparing.waiting:
                one.refuse(preparing.error)
            return
        prepared = Prepared(preparing.name, preparing.oids)
        written: list[bytes] = []
        for one in preparing.waiting:
            self._bind(prepared, one, written)
        if self._known.get(preparing.statement) is preparing:
            self._known.keep(preparing.statement, prepared)
        else:
            written.append(wire.forget(prepared.name))
        self._transport.write(b"".join(written))

    def connection_lost(self, error: Exception | None) -> None:
        """Tell all who wait that no answer will come."""
        self.is_closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        while self._under_way:
            one = self._under_way.popleft()
            for asked in (one,) if isinstance(one, Asked) else one.waiting:
                asked.refuse(one.error or Unavailable())
        self._connection.terminate()
        self._on_free(self)

    def _watch(self, before: object) -> None:
        """End the connection where one answer has kept everybody waiting since the last look."""
        first = self._under_way[0] if self._under_way else None
        if first is None:
            self._alarm = None
        elif first is before:
            self.close()
        else:
            self._alarm = self._loop.call_later(_SILENCE_S, self._watch, first)

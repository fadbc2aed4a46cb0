"""What a connection is asked, from the moment it is asked until the server is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from monynha.infra.postgres.connect import with_notice
from monynha.infra.postgres.pipeline.protocol import Row


class QueryResult(NamedTuple):
    """The first row that a question makes, and what triggers told while it ran."""

    row: Row | None
    stream_versions: str

    @property
    def value(self) -> bytes | None:
        """The first column of the row, or None."""
        return self.row[0] if self.row else None


class PendingReply:
    """What the server says while something is its turn."""

    __slots__ = ("error", "row", "stream_versions")

    def __init__(self) -> None:
        self.row: Row | None = None
        self.error: BaseException | None = None
        self.stream_versions = ""

    def on_notice(self, message: str) -> None:
        """Note what a notice says, if one of our triggers says it."""
        self.stream_versions = with_notice(self.stream_versions, message)


class PendingQuery(PendingReply):
    """A question. Its answer does not refer to it: a ring would stay until the collector comes."""

    __slots__ = ("binds", "future", "is_retry", "statement")

    def __init__(self, statement: str, binds: Sequence[object], future: asyncio.Future[QueryResult]) -> None:
        super().__init__()
        self.statement = statement
        self.binds = binds
        self.future = future
        self.is_retry = False

    def resolve(self) -> None:
        """Answer whoever waits, if anybody still does."""
        if not self.future.done():
            self.future.set_result(QueryResult(self.row, self.stream_versions))

    def reject(self, error: BaseException) -> None:
        """Tell whoever waits why there is no answer."""
        if not self.future.done():
            self.future.set_exception(error)

    def reset_for_retry(self) -> None:
        """Make it as if it had not been asked yet."""
        self.is_retry = True
        self.row, self.error, self.stream_versions = None, None, ""


class PendingPreparation(PendingReply):
    """A statement on its way to the server, and the questions that wait for it."""

    __slots__ = ("name", "parameter_oids", "queries", "statement")

    def __init__(self, statement: str, name: bytes) -> None:
        super().__init__()
        self.statement = statement
        self.name = name
        self.parameter_oids: list[int] = []
        self.queries: list[PendingQuery] = []

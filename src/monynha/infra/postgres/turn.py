"""What a connection is asked, from the moment it is asked until the server is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from monynha.infra.postgres.connecting import with_told
from monynha.infra.postgres.wire import Row


class Answer(NamedTuple):
    """The first row that a question makes, and what triggers told while it ran."""

    row: Row | None
    told: str

    @property
    def value(self) -> bytes | None:
        """The first column of the row, or None."""
        return self.row[0] if self.row else None


class Turn:
    """What the server says while something is its turn."""

    __slots__ = ("error", "row", "told")

    def __init__(self) -> None:
        self.row: Row | None = None
        self.error: BaseException | None = None
        self.told = ""

    def hear(self, message: str) -> None:
        """Note what a notice says, if one of our triggers says it."""
        self.told = with_told(self.told, message)


class Asked(Turn):
    """A question. Its answer does not refer to it: a ring would stay until the collector comes."""

    __slots__ = ("answer", "binds", "is_second", "statement")

    def __init__(self, statement: str, binds: Sequence[object], answer: asyncio.Future[Answer]) -> None:
        super().__init__()
        self.statement = statement
        self.binds = binds
        self.answer = answer
        self.is_second = False

    def finish(self) -> None:
        """Answer whoever waits, if anybody still does."""
        if not self.answer.done():
            self.answer.set_result(Answer(self.row, self.told))

    def refuse(self, error: BaseException) -> None:
        """Tell whoever waits why there is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def again(self) -> None:
        """Make it as if it had not been asked yet."""
        self.is_second = True
        self.row, self.error, self.told = None, None, ""


class Preparing(Turn):
    """A statement on its way to the server, and the questions that wait for it."""

    __slots__ = ("name", "oids", "statement", "waiting")

    def __init__(self, statement: str, name: bytes) -> None:
        super().__init__()
        self.statement = statement
        self.name = name
        self.oids: list[int] = []
        self.waiting: list[Asked] = []

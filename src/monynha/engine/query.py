"""The first verb: ask for one row or a page, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.errors import NotFound
from monynha.engine.compiler import Compiler
from monynha.engine.selection import Selection
from monynha.infra.postgres.database import Acting, Transaction


@dataclass(frozen=True, slots=True)
class Found:
    """One row: its version and its finished JSON."""

    version: int
    body: bytes

    @classmethod
    def of(cls, answer: bytes | None) -> Found:
        """Read `[version, row]`; nothing is NotFound."""
        if answer is None:
            raise NotFound()
        comma = answer.index(b",")
        return cls(int(answer[1:comma]), answer[comma + 2 : -1])


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows as finished JSON; `cursor` is the sort values of the last, if more rows follow."""

    total: int | None
    cursor: bytes | None
    rows: bytes

    @classmethod
    def of(cls, answer: bytes | None) -> Page:
        """Read `[total, cursor, rows]`; nothing means that the parent is NotFound."""
        if answer is None:
            raise NotFound()
        first = answer.index(b", ")
        second = answer.index(b", ", first + 2)
        total, cursor = answer[1:first], answer[first + 2 : second]
        return cls(
            None if total == b"null" else int(total),
            None if cursor == b"null" else bytes.fromhex(cursor[1:-1].decode()),
            answer[second + 2 : -1],
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Stands in a selection for a value that each asking brings along, by its index there."""

    index: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A question that is asked again and again: its statement, and its binds with the places among them."""

    text: str
    binds: tuple[object, ...]
    is_light: bool

    def filled(self, values: Sequence[object]) -> list[object]:
        """Return the binds with the values in their places."""
        return [values[one.index] if type(one) is Place else one for one in self.binds]


@dataclass(frozen=True)
class Query:
    """Asks selections."""

    compiler: Compiler

    def ready(self, selection: Selection) -> Ready:
        """Return the question in a form that costs nothing more to ask again."""
        statement = self.compiler.statement(selection)
        return Ready(statement.text, tuple(statement.arrange(selection.binds())), statement.is_light)

    async def one(self, acting: Acting, asked: Ready, values: Sequence[object] = ()) -> Found:
        """Return the row that the question's key names."""
        return Found.of(await acting.ask(asked.text, asked.filled(values), is_light=asked.is_light))

    async def page(self, acting: Acting, asked: Ready, values: Sequence[object] = ()) -> Page:
        """Return a page of rows."""
        return Page.of(await acting.ask(asked.text, asked.filled(values), is_light=asked.is_light))

    async def within(self, transaction: Transaction, selection: Selection) -> Found:
        """Return one row as a transaction under way sees it."""
        statement = self.compiler.statement(selection, within_transaction=True)
        return Found.of(await transaction.value(statement.text, *statement.arrange(selection.binds())))

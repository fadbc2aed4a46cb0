"""The first verb: ask for one row or a page, in one round trip."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Query:
    """Asks selections."""

    compiler: Compiler

    async def one(self, acting: Acting, selection: Selection) -> Found:
        """Return the row that the selection's key names."""
        statement = self.compiler.statement(selection)
        return Found.of(await acting.ask(statement.text, statement.arrange(selection.binds())))

    async def page(self, acting: Acting, selection: Selection) -> Page:
        """Return a page of rows."""
        statement = self.compiler.statement(selection)
        return Page.of(await acting.ask(statement.text, statement.arrange(selection.binds())))

    async def within(self, transaction: Transaction, selection: Selection) -> Found:
        """Return one row as a transaction under way sees it."""
        statement = self.compiler.statement(selection, within_transaction=True)
        return Found.of(await transaction.value(statement.text, *statement.arrange(selection.binds())))

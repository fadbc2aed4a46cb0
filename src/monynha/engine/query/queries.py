"""Executes prepared queries: one row, or a page of rows, in one round trip to the database."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import NotFoundError
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.parameter import PreparedQuery, SourceT
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection, Transaction


@dataclass(frozen=True, slots=True)
class JsonRow:
    """One row: its version and its finished JSON."""

    version: int
    json: bytes

    @classmethod
    def parse(cls, result: bytes | None) -> JsonRow:
        """Split `[version, row]`; NotFoundError if there is no result."""
        if result is None:
            raise NotFoundError()
        comma = result.index(b",")
        return cls(int(result[1:comma]), result[comma + 2 : -1])


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page as a finished JSON array."""

    total: int | None
    """The number of rows on all pages, if it was requested."""
    last_sort_values: bytes | None
    """The sort values of the last row as a JSON array (see `cursor`), if more rows follow."""
    rows: bytes

    @classmethod
    def parse(cls, result: bytes | None) -> Page:
        """Split `[total, sort values, rows]`; NotFoundError if there is no result, as below a parent that is absent."""
        if result is None:
            raise NotFoundError()
        first = result.index(b", ")
        second = result.index(b", ", first + 2)
        total, sort_values = result[1:first], result[first + 2 : second]
        return cls(
            None if total == b"null" else int(total),
            None if sort_values == b"null" else bytes.fromhex(sort_values[1:-1].decode()),
            result[second + 2 : -1],
        )


@dataclass(frozen=True)
class Queries:
    """Executes selections as an actor."""

    compiler: Compiler

    def prepare(self, selection: Selection) -> PreparedQuery[SourceT]:
        """Return the selection's query, ready to be executed any number of times."""
        return self.compiler.prepare(selection)

    async def fetch_row(self, connection: ActorConnection, query: PreparedQuery[SourceT], source: SourceT) -> JsonRow:
        """Return the row that the query's key names (NotFoundError if the actor does not see it)."""
        return JsonRow.parse(await connection.fetch_json(query.text, query.bind(source), is_light=query.is_light))

    async def fetch_page(self, connection: ActorConnection, query: PreparedQuery[SourceT], source: SourceT) -> Page:
        """Return a page of rows (NotFoundError if the actor does not see the row of the scope)."""
        return Page.parse(await connection.fetch_json(query.text, query.bind(source), is_light=query.is_light))

    async def fetch_in_transaction(self, transaction: Transaction, selection: Selection) -> JsonRow:
        """Return one row as a transaction under way sees it."""
        query: PreparedQuery[None] = self.compiler.prepare(selection, within_transaction=True)
        return JsonRow.parse(await transaction.fetch_value(query.text, *query.bind(None)))

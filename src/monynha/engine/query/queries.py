"""The first verb: ask for one row or a page, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.errors import NotFoundError
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection, Transaction


@dataclass(frozen=True, slots=True)
class JsonRow:
    """One row: its version and its finished JSON."""

    version: int
    json: bytes

    @classmethod
    def parse(cls, result: bytes | None) -> JsonRow:
        """Read `[version, row]`; nothing is NotFound."""
        if result is None:
            raise NotFoundError()
        comma = result.index(b",")
        return cls(int(result[1:comma]), result[comma + 2 : -1])


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows as finished JSON; `cursor` is the sort values of the last, if more rows follow."""

    total: int | None
    cursor: bytes | None
    rows: bytes

    @classmethod
    def parse(cls, result: bytes | None) -> Page:
        """Read `[total, cursor, rows]`; nothing means that the parent is NotFound."""
        if result is None:
            raise NotFoundError()
        first = result.index(b", ")
        second = result.index(b", ", first + 2)
        total, cursor = result[1:first], result[first + 2 : second]
        return cls(
            None if total == b"null" else int(total),
            None if cursor == b"null" else bytes.fromhex(cursor[1:-1].decode()),
            result[second + 2 : -1],
        )


@dataclass(frozen=True, slots=True)
class Parameter:
    """Stands in a selection for a value that each asking brings along, by its index there."""

    index: int


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A question that is asked again and again: its statement, and its binds with the places among them."""

    text: str
    bind_values: tuple[object, ...]
    is_light: bool

    def bind(self, values: Sequence[object]) -> list[object]:
        """Return the binds with the values in their places."""
        return [values[one.index] if type(one) is Parameter else one for one in self.bind_values]


@dataclass(frozen=True)
class Queries:
    """Asks selections."""

    compiler: Compiler

    def prepare(self, selection: Selection) -> PreparedQuery:
        """Return the question in a form that costs nothing more to ask again."""
        statement = self.compiler.compile(selection)
        return PreparedQuery(
            statement.text, tuple(statement.arrange_binds(selection.bind_values())), statement.is_light
        )

    async def fetch_row(
        self, connection: ActorConnection, query: PreparedQuery, values: Sequence[object] = ()
    ) -> JsonRow:
        """Return the row that the question's key names."""
        return JsonRow.parse(await connection.fetch_json(query.text, query.bind(values), is_light=query.is_light))

    async def fetch_page(
        self, connection: ActorConnection, query: PreparedQuery, values: Sequence[object] = ()
    ) -> Page:
        """Return a page of rows."""
        return Page.parse(await connection.fetch_json(query.text, query.bind(values), is_light=query.is_light))

    async def fetch_in_transaction(self, transaction: Transaction, selection: Selection) -> JsonRow:
        """Return one row as a transaction under way sees it."""
        statement = self.compiler.compile(selection, within_transaction=True)
        return JsonRow.parse(
            await transaction.fetch_json(statement.text, *statement.arrange_binds(selection.bind_values()))
        )

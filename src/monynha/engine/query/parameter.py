"""Prepared queries: SQL that is compiled once and executed many times, with parameters among its binds; their results.

REST reads bring the ids of the path, GraphQL queries the variables of a request, and subscriptions the values of an
event: each is the source (`SourceT`) that the parameters of its queries are resolved from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from monynha.core.errors import NotFoundError
from monynha.infra.postgres.database import ActorConnection

SourceT = TypeVar("SourceT")


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Generic[SourceT]):
    """Stands in a selection for a value that each execution brings."""

    resolve: Callable[[SourceT], object]
    """Return the value for one execution, from its source."""


@dataclass(frozen=True, slots=True)
class JsonRow:
    """One row: its version and its finished JSON."""

    version: int
    json: bytes

    @classmethod
    def parse(cls, result: bytes | None, name: str) -> JsonRow:
        """Split `[version, row]`; NotFoundError with the resource's name if there is no result."""
        if result is None:
            raise NotFoundError.for_name(name)
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
    def parse(cls, result: bytes | None, name: str) -> Page:
        """Split `[total, sort values, rows]`; NotFoundError with the parent's name if there is no result."""
        if result is None:
            raise NotFoundError.for_name(name)
        first = result.index(b", ")
        second = result.index(b", ", first + 2)
        total, sort_values = result[1:first], result[first + 2 : second]
        return cls(
            None if total == b"null" else int(total),
            None if sort_values == b"null" else bytes.fromhex(sort_values[1:-1].decode()),
            result[second + 2 : -1],
        )


@dataclass(frozen=True, slots=True)
class PreparedQuery(Generic[SourceT]):
    """A compiled statement with its bind values, in the order of the text's binds."""

    text: str
    bind_values: tuple[object, ...]
    """Constants, and a `Parameter` where the value is brought by the execution."""
    is_light: bool
    """Whether it may share its connection with other queries (`Selection.is_light`)."""
    cost: int
    """How many rows it can return at most, with all that is nested."""
    scope_name: str
    """What an execution without a result did not find: the singular of its resource, or of the row of its scope."""

    def bind(self, source: SourceT) -> list[object]:
        """Return the bind values of one execution."""
        return [value.resolve(source) if type(value) is Parameter else value for value in self.bind_values]

    async def fetch_row(self, connection: ActorConnection, source: SourceT) -> JsonRow:
        """Return the row that the query's key names (NotFoundError if the actor does not see it)."""
        return JsonRow.parse(await self._fetch(connection, source), self.scope_name)

    async def fetch_page(self, connection: ActorConnection, source: SourceT) -> Page:
        """Return a page of rows (NotFoundError if the actor does not see the row of the scope)."""
        return Page.parse(await self._fetch(connection, source), self.scope_name)

    async def _fetch(self, connection: ActorConnection, source: SourceT) -> bytes | None:
        binds = self.bind(source)
        result = await connection.fetch_json(self.text, binds, is_light=self.is_light)
        if result is None:
            await connection.explain_absence(binds)
        return result


def resolve_value(value: object, source: object) -> object:
    """Return the value of a parameter; anything else is returned as it is."""
    return value.resolve(source) if isinstance(value, Parameter) else value

"""Executes selections that are not prepared, and those within a transaction."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.engine.query.compiler import Compiler
from monynha.engine.query.parameter import JsonRow, Page, PreparedQuery, SourceT
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection, Transaction


@dataclass(frozen=True)
class Queries:
    """Prepares and executes selections."""

    compiler: Compiler

    def prepare(self, selection: Selection) -> PreparedQuery[SourceT]:
        """Return the selection's query, ready to be executed any number of times."""
        return self.compiler.prepare(selection)

    async def fetch_row(self, connection: ActorConnection, selection: Selection) -> JsonRow:
        """Return one row, in one round trip (NotFoundError if the actor does not see it)."""
        query: PreparedQuery[None] = self.compiler.prepare(selection)
        return await query.fetch_row(connection, None)

    async def fetch_page(self, connection: ActorConnection, selection: Selection) -> Page:
        """Return a page of rows, in one round trip."""
        query: PreparedQuery[None] = self.compiler.prepare(selection)
        return await query.fetch_page(connection, None)

    async def fetch_in_transaction(self, transaction: Transaction, selection: Selection) -> JsonRow:
        """Return one row as a transaction under way sees it."""
        query: PreparedQuery[None] = self.compiler.prepare(selection, within_transaction=True)
        return JsonRow.parse(await transaction.fetch_json(query.text, *query.bind(None)), query.scope_name)

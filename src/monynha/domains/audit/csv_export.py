"""The audit log as CSV (RFC 4180): streamed page by page, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from monynha.engine.query.cursor import decode_cursor, encode_cursor
from monynha.engine.query.parameter import Page
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection

PAGE_SIZE = 500
"""How many rows are read by one statement."""
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV Injection), full-width forms included."""


@dataclass(frozen=True)
class CsvExport:
    """Writes all rows of a selection, whatever its limit."""

    queries: Queries
    page_size: int = PAGE_SIZE

    async def open(self, connection: ActorConnection, selection: Selection) -> AsyncGenerator[bytes]:
        """Read the first page, so that an error has a response of its own, and return the chunks of the document.

        Each page is a statement of the actor: whose session ends meanwhile gets no more.
        """
        selection = replace(selection, limit=self.page_size, with_total=False)
        return self._chunks(connection, selection, await self.queries.fetch_page(connection, selection))

    async def _chunks(self, connection: ActorConnection, selection: Selection, page: Page) -> AsyncGenerator[bytes]:
        yield csv_lines([selection.fields])
        while True:
            rows = orjson.loads(page.rows)
            yield csv_lines([[row[name] for name in selection.fields] for row in rows])
            if page.last_sort_values is None:
                return
            cursor = encode_cursor(selection, page.last_sort_values, (None,))
            page = await self.queries.fetch_page(connection, replace(selection, after=decode_cursor(selection, cursor)))


def csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    """Return rows as lines of CSV, every cell quoted."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [csv_cell(value) for value in row] for row in rows
    )
    return text.getvalue().encode()


def csv_cell(value: object) -> str:
    """Return the text of a cell; an apostrophe keeps a spreadsheet from running it as a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json_text(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_BEGINNINGS) else text


def _json_text(value: object) -> str:
    return "" if isinstance(value, Mapping) and not value else orjson.dumps(value).decode()

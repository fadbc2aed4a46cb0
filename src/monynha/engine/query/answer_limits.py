"""Limits on the size of a query's result: in characters before it is executed, in bytes while it is.

The first limit knows only what the declarations say, so that nobody waits for a query that can never be answered; the
second counts what PostgreSQL really writes (`answer_size.sql`).
"""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import BadRequestError
from monynha.engine.query.selection import Selection, SelectionBatch


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How large the result of one query may be."""

    max_characters: int = 128_000_000
    """Rows times the declared lengths of their selected fields, each alias counted."""
    max_bytes: int = 32_000_000
    """What the rows may really have, as JSON."""

    def check(self, *selections: Selection | SelectionBatch) -> None:
        """Raise BadRequestError if the selections together declare more characters than are allowed."""
        characters = sum(selection.max_characters() for selection in selections)
        if characters > self.max_characters:
            raise BadRequestError(
                f"The answer could have {characters} characters, by the declared lengths of the selected fields; at "
                f"most {self.max_characters} are allowed. Select fewer long fields, or use a smaller limit.",
                details={"limit": self.max_characters, "cost": characters, "of": "characters"},
            )

    def counted_bytes(self, selection: Selection | SelectionBatch) -> int | None:
        """Return the limit that the statement must enforce, or None if no result can reach it."""
        return self.max_bytes if selection.max_json_bytes() > self.max_bytes else None

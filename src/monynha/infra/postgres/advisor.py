"""Looks a database over for what would undo row-level security, as a second pair of eyes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from monynha.core.actor import system
from monynha.infra.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is dangerous, or only doubtful, about an object."""

    object: str
    says: str
    is_dangerous: bool

    def __str__(self) -> str:
        return f"{self.object}: {self.says}"


async def look_over(database: Database) -> list[Finding]:
    """Return every finding, the dangerous ones first."""
    query = files("monynha.infra.postgres").joinpath("advisor.sql").read_text()
    async with database.acting(system("doctor")).transaction() as transaction:
        rows = await transaction.rows(query)
    return [Finding(row["object"], row["says"], row["level"] == "danger") for row in rows]

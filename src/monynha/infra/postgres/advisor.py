"""Audits a database for what would undermine row-level security, as a check independent of the migrations."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a database object: dangerous (stops the start) or only a warning."""

    object: str
    message: str
    is_dangerous: bool

    def __str__(self) -> str:
        return f"{self.object}: {self.message}"


async def audit_database(database: Database) -> list[Finding]:
    """Return all findings, the dangerous ones first."""
    query = files("monynha.infra.postgres").joinpath("advisor.sql").read_text()
    async with database.as_actor(system_actor("doctor")).transaction() as transaction:
        rows = await transaction.fetch_rows(query)
    return [Finding(row["object"], row["message"], row["level"] == "danger") for row in rows]

"""Match regular expressions with PostgreSQL's syntax, by asking PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

_MATCHES_SQL = "select to_json(case when $4::boolean then $2::text ~* $3::text else $2::text ~ $3::text end)"
_ACTOR = system_actor("regex")


@dataclass(frozen=True)
class Regex:
    """A pattern of a filter. Python does not match it: the syntax differs, and its matching can take for ever."""

    pattern: str
    ignores_case: bool = False


@dataclass(frozen=True)
class RegexMatcher:
    """Matches patterns, one round trip each."""

    database: Database

    async def matches(self, text: str, regex: Regex) -> bool:
        """Whether a text matches; InternalError for an invalid pattern."""
        connection = self.database.as_actor(_ACTOR)
        result = await connection.fetch_as_system(_MATCHES_SQL, text, regex.pattern, regex.ignores_case)
        return result == b"true"

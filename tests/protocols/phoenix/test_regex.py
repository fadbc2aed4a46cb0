"""Regular expressions of filters, matched by PostgreSQL."""

from __future__ import annotations

import pytest

from monynha.core.errors import InternalError
from monynha.infra.postgres.database import Database
from monynha.protocols.phoenix.regex import Regex, RegexMatcher

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (Regex("^W.*e$"), True),
        (Regex("^w"), False),
        (Regex("^w", ignores_case=True), True),
        (Regex(r"\mWrite\M"), True),
    ],
    ids=range(4),
)
async def test_pattern_is_matched_with_the_syntax_of_postgresql(
    database: Database, regex: Regex, expected: bool
) -> None:
    assert await RegexMatcher(database).matches("Write", regex) is expected


async def test_invalid_pattern_is_an_error(database: Database) -> None:
    with pytest.raises(InternalError):
        await RegexMatcher(database).matches("", Regex("("))

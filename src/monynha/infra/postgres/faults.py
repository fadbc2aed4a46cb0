"""PostgreSQL's errors, told as ours: by SQLSTATE and by the name of the constraint, never by its text."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from monynha.core.errors import Internal, Unauthenticated, Unavailable

NOT_LIVE = "MN401"
"""The SQLSTATE by which `auth.enter_or_raise` says that the session is over."""


class Retry(Exception):
    """The transaction lost a race (deadlock, serialisation) and may be tried again whole."""


# Not frozen: an exception on its way up is written to (its traceback).
@dataclass
class Violation(Exception):
    """A rule of the schema stood against a write.

    `constraint` is the rule's name, `column` is named for missing values, `detail` is what our own
    triggers say about it (never what the driver says).
    """

    kind: str
    constraint: str = ""
    column: str = ""
    detail: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether row-level security or a grant refused, and not a value."""
        return self.kind == "refused"


_KINDS = {
    "23505": "unique",
    "23503": "foreign",
    "23514": "check",
    "23P01": "exclusion",
    "23502": "missing",
    "42501": "refused",
    "22001": "too_long",
}
_RETRIED = {"40001", "40P01"}
_AWAY = ("08", "25P03", "53", "57", "58")


def translated(error: BaseException) -> BaseException:
    """Return our own error for one of the driver's, or the same where it is none of the driver's."""
    if isinstance(error, asyncpg.PostgresError):
        return _from_state(error)
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return Unavailable() if _is_lost(error) else Internal()
    if isinstance(error, OSError | TimeoutError):
        return Unavailable()
    return error


def _from_state(error: asyncpg.PostgresError) -> Exception:
    state = error.sqlstate or ""
    if state == NOT_LIVE:
        return Unauthenticated()
    if state in _RETRIED:
        return Retry()
    if state in _KINDS:
        # A detail quotes a row's values, but for those of our own triggers, which name no table.
        own = error.detail if error.constraint_name and not error.table_name else ""
        return Violation(_KINDS[state], error.constraint_name or "", error.column_name or "", own or "")
    if state.startswith(_AWAY):
        return Unavailable()
    return Internal()


def _is_lost(error: Exception) -> bool:
    text = str(error)
    return "closed" in text or "terminated" in text or "released" in text

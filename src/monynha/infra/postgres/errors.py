"""PostgreSQL's errors, told as ours: by SQLSTATE and by the name of the constraint, never by its text."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from monynha.core.errors import InternalError, UnauthenticatedError, UnavailableError

SESSION_NOT_LIVE = "MN401"
"""The SQLSTATE by which `auth.set_actor_or_raise` says that the session is over."""


class RetryTransactionError(Exception):
    """The transaction lost a race (deadlock, serialisation) and may be tried again whole."""


# Not frozen: an exception on its way up is written to (its traceback).
@dataclass
class ConstraintViolationError(Exception):
    """A rule of the schema stood against a write.

    `constraint` is the rule's name, `column` is named for missing values, `detail` is what our own
    triggers say about it (never what the driver says).
    """

    kind: str
    constraint: str = ""
    column: str = ""
    detail: str = ""

    @property
    def is_permission_denied(self) -> bool:
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
_RETRYABLE = {"40001", "40P01"}
_UNAVAILABLE = ("08", "25P03", "53", "57", "58")


def translate_error(error: BaseException) -> BaseException:
    """Return our own error for one of the driver's, or the same where it is none of the driver's."""
    if isinstance(error, asyncpg.PostgresError):
        return _from_sqlstate(error)
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return UnavailableError() if _is_connection_lost(error) else InternalError()
    if isinstance(error, OSError | TimeoutError):
        return UnavailableError()
    return error


def _from_sqlstate(error: asyncpg.PostgresError) -> Exception:
    sqlstate = error.sqlstate or ""
    if sqlstate == SESSION_NOT_LIVE:
        return UnauthenticatedError()
    if sqlstate in _RETRYABLE:
        return RetryTransactionError()
    if sqlstate in _KINDS:
        # A detail quotes a row's values, but for those of our own triggers, which name no table.
        own_detail = error.detail if error.constraint_name and not error.table_name else ""
        return ConstraintViolationError(
            _KINDS[sqlstate], error.constraint_name or "", error.column_name or "", own_detail or ""
        )
    if sqlstate.startswith(_UNAVAILABLE):
        return UnavailableError()
    return InternalError()


def _is_connection_lost(error: Exception) -> bool:
    text = str(error)
    return "closed" in text or "terminated" in text or "released" in text

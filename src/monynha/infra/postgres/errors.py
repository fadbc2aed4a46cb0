"""Translates PostgreSQL's errors into ours: by SQLSTATE and constraint name, never by the text of the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import asyncpg

from monynha.core.errors import (
    BadRequestError,
    ForbiddenError,
    InsufficientAalError,
    InternalError,
    UnauthenticatedError,
    UnavailableError,
)

SESSION_NOT_LIVE = "MN401"
"""The SQLSTATE that `auth.set_actor_or_raise` raises if the session has ended."""

INSUFFICIENT_AAL = "MN4A2"
"""The SQLSTATE that `auth.set_actor` raises if the actor needs a session with the assurance level aal2."""
TOKEN_WITHOUT_SCOPE = "MN403"
"""The SQLSTATE that `auth.set_actor` raises for a token whose scopes allow nothing here."""
READ_ONLY_TRANSACTION = "25006"

ANSWER_TOO_LARGE = "MN413"
"""The SQLSTATE that `monynha.count_answer_bytes` raises if a result has more bytes than are allowed."""
LOCK_TIMEOUT = "55P03"

ViolationKind = Literal["unique", "foreign", "check", "exclusion", "missing", "permission_denied", "too_long"]


class LockTimeoutError(UnavailableError):
    """The data is locked by another operation, please try again."""


class ReadOnlyTransactionError(UnavailableError):
    """The data is read-only at the moment, please try again."""


class RetryTransactionError(Exception):
    """The transaction was rolled back by a deadlock or serialization failure and can be run again as a whole."""


# Not frozen: Python assigns the traceback to an exception that is raised.
@dataclass
class ConstraintViolationError(Exception):
    """A write violated a constraint, a policy or a grant.

    `constraint` is the name of the constraint, `column` is set for a missing value, `detail` is set by our own
    triggers only: PostgreSQL's detail would quote values of the row.
    """

    kind: ViolationKind
    constraint: str = ""
    column: str = ""
    detail: str = ""

    @property
    def is_permission_denied(self) -> bool:
        """Whether row-level security or a grant denied the write, and not a constraint."""
        return self.kind == "permission_denied"


_KINDS: dict[str, ViolationKind] = {
    "23505": "unique",
    "23503": "foreign",
    "23514": "check",
    "23P01": "exclusion",
    "23502": "missing",
    "42501": "permission_denied",
    "22001": "too_long",
}
_RETRYABLE = {"40001", "40P01"}
# Classes and codes: connection, idle transaction timeout, resources, operator intervention (shutdown, timeout), I/O.
_UNAVAILABLE = ("08", "25P03", "53", "57", "58")


def translate_error(error: BaseException) -> BaseException:
    """Return our error for an error of asyncpg or the network; any other error is returned as it is."""
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
    if sqlstate == INSUFFICIENT_AAL:
        return InsufficientAalError()
    if sqlstate == ANSWER_TOO_LARGE:
        return _answer_too_large(int(error.detail or 0))
    if sqlstate == TOKEN_WITHOUT_SCOPE:
        return ForbiddenError.for_scopes()
    if sqlstate == READ_ONLY_TRANSACTION:
        return ReadOnlyTransactionError()
    if sqlstate == LOCK_TIMEOUT:
        return LockTimeoutError()
    if sqlstate in _RETRYABLE:
        return RetryTransactionError()
    if sqlstate in _KINDS:
        # Our triggers name a constraint without a table; any other detail quotes values of the row.
        own_detail = error.detail if error.constraint_name and not error.table_name else ""
        return ConstraintViolationError(
            _KINDS[sqlstate], error.constraint_name or "", error.column_name or "", own_detail or ""
        )
    if sqlstate.startswith(_UNAVAILABLE):
        return UnavailableError()
    return InternalError()


def _answer_too_large(max_bytes: int) -> BadRequestError:
    return BadRequestError(
        f"The answer has more than {max_bytes} bytes, which is the most that is allowed. "
        "Select fewer long fields, or use a smaller limit.",
        details={"limit": max_bytes, "of": "bytes"},
    )


def _is_connection_lost(error: Exception) -> bool:
    text = str(error)
    return "closed" in text or "terminated" in text or "released" in text

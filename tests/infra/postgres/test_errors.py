"""PostgreSQL's errors become ours by SQLSTATE, without the text of the driver."""

from __future__ import annotations

import asyncpg
import pytest

from monynha.core.errors import InternalError, UnauthenticatedError, UnavailableError
from monynha.infra.postgres.errors import (
    SESSION_NOT_LIVE,
    ConstraintViolationError,
    RetryTransactionError,
    translate_error,
)


def postgres_error(sqlstate: str, **fields: str) -> asyncpg.PostgresError:
    codes = {"constraint": "n", "column": "c", "table": "t", "detail": "D"}
    named = {codes[name]: value for name, value in fields.items()}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": sqlstate, "M": "secret", **named})
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (postgres_error(SESSION_NOT_LIVE), UnauthenticatedError),
        (postgres_error("40001"), RetryTransactionError),
        (postgres_error("40P01"), RetryTransactionError),
        (postgres_error("57P01"), UnavailableError),
        (postgres_error("53300"), UnavailableError),
        (postgres_error("57014"), UnavailableError),
        (postgres_error("08006"), UnavailableError),
        (postgres_error("42703"), InternalError),
        (asyncpg.InterfaceError("connection is closed"), UnavailableError),
        (asyncpg.InterfaceError("another operation is in progress"), InternalError),
        (ConnectionRefusedError(), UnavailableError),
        (TimeoutError(), UnavailableError),
    ],
)
def test_error_is_translated_by_its_sqlstate_or_class(error: BaseException, expected: type[Exception]) -> None:
    translated = translate_error(error)

    assert type(translated) is expected
    assert "secret" not in str(translated)


def test_error_that_is_not_the_drivers_stays_itself() -> None:
    error = KeyError("x")

    assert translate_error(error) is error


def test_violation_names_the_constraint_and_hides_values_of_the_row() -> None:
    error = postgres_error("23505", constraint="users_email_key", table="users", detail="Key (email)=(a@b.c) exists.")

    assert translate_error(error) == ConstraintViolationError("unique", "users_email_key")


def test_violation_raised_by_our_trigger_keeps_its_detail() -> None:
    error = postgres_error("23514", constraint="last_owner", detail="name the next owner first")

    assert translate_error(error) == ConstraintViolationError("check", "last_owner", detail="name the next owner first")


@pytest.mark.parametrize(("sqlstate", "is_denied"), [("42501", True), ("23502", False)])
def test_denied_permission_is_told_from_an_invalid_value(sqlstate: str, is_denied: bool) -> None:
    violation = translate_error(postgres_error(sqlstate, column="name"))

    assert isinstance(violation, ConstraintViolationError)
    assert violation.is_permission_denied is is_denied
    assert violation.column == "name"

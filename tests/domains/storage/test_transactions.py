"""Violated constraints as errors of the wire, and transactions that are run again."""

from __future__ import annotations

import pytest

from monynha.core.errors import UnavailableError
from monynha.domains.storage.transactions import run_transaction, violation_error
from monynha.infra.postgres.database import Database, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError, LockTimeoutError, RetryTransactionError
from tests.domains.storage.test_resumable import SERVICE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("violation", "code"),
    [
        (ConstraintViolationError("permission_denied"), "AccessDenied"),
        (ConstraintViolationError("unique", "object_name_is_unique"), "KeyAlreadyExists"),
        (ConstraintViolationError("unique", "buckets_pkey"), "BucketAlreadyExists"),
        (ConstraintViolationError("foreign", "objects_bucket_id_fkey"), "NoSuchBucket"),
        (ConstraintViolationError("check", "object_exceeds_size_limit_of_bucket"), "EntityTooLarge"),
        (ConstraintViolationError("check", "object_has_no_allowed_type"), "InvalidMimeType"),
        (ConstraintViolationError("check", "project_file_path_begins_with_project_and_user"), "InvalidKey"),
        (ConstraintViolationError("foreign", "objects_project_id_fkey"), "InvalidKey"),
        (ConstraintViolationError("check", "another"), "InvalidRequest"),
    ],
)
def test_violation_is_an_error_of_the_wire(violation: ConstraintViolationError, code: str) -> None:
    assert violation_error(violation, name="a/b", content_type="text/html").code == code


def test_bucket_that_is_deleted_while_it_is_filled_is_not_empty() -> None:
    assert violation_error(ConstraintViolationError("foreign", "objects_bucket_id_fkey")).code == "ResourceNotEmpty"


@pytest.mark.parametrize("error", [RetryTransactionError(), LockTimeoutError()])
async def test_transaction_is_run_again_three_times_in_all(database: Database, error: Exception) -> None:
    attempts: list[int] = []

    async def succeed_at_last(transaction: Transaction) -> object:
        attempts.append(1)
        if len(attempts) < 3:
            raise error
        return await transaction.fetch_value("select 7")

    async def fail(transaction: Transaction) -> object:
        attempts.append(1)
        raise error

    connection = database.as_actor(SERVICE.actor)
    result = await run_transaction(connection, succeed_at_last)
    with pytest.raises(UnavailableError):
        await run_transaction(connection, fail)

    assert (result, len(attempts)) == (7, 6)

"""Transactions that are run again where another was in their way, and violated constraints as the wire's errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import random
from typing import TypeVar

from monynha.core.errors import UnavailableError
from monynha.domains.storage.errors import (
    AccessDeniedError,
    BucketExistsAlreadyError,
    BucketNotEmptyError,
    BucketNotFoundError,
    EntityTooLargeError,
    InvalidKeyError,
    InvalidMimeTypeError,
    InvalidRequestError,
    ObjectExistsAlreadyError,
    StorageError,
)
from monynha.infra.postgres.database import ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError, LockTimeoutError, RetryTransactionError

_MAX_ATTEMPTS = 3
_PAUSE_S = 0.02
_Result = TypeVar("_Result")


async def run_transaction(
    connection: ActorConnection,
    work: Callable[[Transaction], Awaitable[_Result]],
    *,
    name: str = "",
    content_type: str = "",
) -> _Result:
    """Run the work in a transaction and return its result; run it again after a deadlock or a lock that took long.

    A violated constraint becomes a StorageError; `name` and `content_type` are what its message quotes.
    """
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            async with connection.transaction() as transaction:
                return await work(transaction)
        except LockTimeoutError:
            if attempt == _MAX_ATTEMPTS:
                raise
            connection = connection.patient()
        except RetryTransactionError:
            await asyncio.sleep(_PAUSE_S * attempt * (1 + random()))
        except ConstraintViolationError as violation:
            raise violation_error(violation, name=name, content_type=content_type) from violation
    raise UnavailableError()


def violation_error(violation: ConstraintViolationError, *, name: str = "", content_type: str = "") -> StorageError:
    """Return the wire's error for a violated constraint or policy."""
    if violation.is_permission_denied:
        return AccessDeniedError()
    match violation.constraint:
        case "object_name_is_unique":
            return ObjectExistsAlreadyError()
        case "buckets_pkey" | "bucket_name_is_unique":
            return BucketExistsAlreadyError()
        case "objects_bucket_id_fkey":
            # Raised by the trigger for a missing bucket, and by PostgreSQL for one that still has objects.
            return BucketNotFoundError() if name else BucketNotEmptyError()
        case "object_exceeds_size_limit_of_bucket":
            return EntityTooLargeError()
        case "object_has_no_allowed_type":
            return InvalidMimeTypeError(content_type)
        case "project_file_path_begins_with_project_and_user" | "objects_project_id_fkey":
            return InvalidKeyError(name)
        case _:
            return InvalidRequestError()

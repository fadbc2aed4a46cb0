"""The second verb: create, update and delete, each one transaction, each told apart when refused.

Refusals in their order: not seen 404, seen but refused 403, another version 412, what facts decide 422.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from monynha.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PreconditionFailedError,
    UnavailableError,
    ValidationFailedError,
)
from monynha.core.serialization import to_camel_case
from monynha.engine.mutation.dml import delete_sql, insert_sql, lock_sql, update_sql, version_sql
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.validation import ColumnValues
from monynha.engine.query.queries import JsonRow, Queries
from monynha.engine.query.selection import SelectedField, Selection
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID
from monynha.engine.schema.resource import Resource, column_of
from monynha.infra.postgres.database import ACTOR_BIND_COUNT, ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError, RetryTransactionError
from monynha.infra.postgres.stream_version import StreamVersion

_MAX_ATTEMPTS = 4
_T = TypeVar("_T")
_SET_ACTOR = "auth.set_actor($1, $2, $3)"
PrimaryKey = tuple[UUID, ...]
ExpectedVersions = tuple[int, ...]
"""The versions at which a row may be changed; with none of them it may not be."""


@dataclass(frozen=True, slots=True)
class CreatedRow:
    """What a create made: its key, and the row as the answer's selection shows it."""

    key: PrimaryKey
    row: JsonRow
    is_replay: bool = False


@dataclass(frozen=True)
class Mutations:
    """Changes rows; `answer` makes the selection that shows a row afterwards, None for the row itself."""

    queries: Queries

    async def create(
        self,
        connection: ActorConnection,
        resource: Resource,
        values: ColumnValues,
        *,
        parent_id: UUID | None = None,
        result_selection: Callable[[PrimaryKey], Selection] | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> CreatedRow:
        """Create a row below its parent; where its own columns are the answer this is one round trip."""
        if parent_id is not None and resource.parent_column is not None:
            values = {resource.parent_column.name: parent_id, **values}

        # What the answer asks for does not depend on the key; only which row it asks does.
        returning = () if result_selection is None else result_selection(()).stored_fields()

        async def attempt() -> CreatedRow:
            if returning is not None and idempotency_key is None:
                return await _autocommit_insert(connection, resource, values, returning)
            async with connection.transaction() as transaction:
                return await self._insert(
                    transaction,
                    resource,
                    values,
                    result_selection=result_selection,
                    idempotency_key=idempotency_key,
                )

        try:
            return await _with_retries(attempt)
        except ConstraintViolationError as violation:
            raise await _create_error(connection, resource, values, violation) from violation

    async def _insert(
        self,
        transaction: Transaction,
        resource: Resource,
        values: ColumnValues,
        *,
        result_selection: Callable[[PrimaryKey], Selection] | None,
        idempotency_key: IdempotencyKey | None,
    ) -> CreatedRow:
        earlier_id = None if idempotency_key is None else await idempotency_key.claim(transaction)
        if earlier_id is not None:
            key = _primary_key(resource, values, earlier_id)
            selection = result_selection(key) if result_selection is not None else full_row_selection(resource, key)
            return CreatedRow(key, await self.queries.fetch_in_transaction(transaction, selection), is_replay=True)
        row = await transaction.fetch_row(insert_sql(resource, tuple(values), first_bind=1), *values.values())
        assert row is not None
        own_id = UUID(row[1])
        key = _primary_key(resource, values, own_id)
        if idempotency_key is not None:
            await idempotency_key.complete(transaction, own_id)
        if result_selection is None:
            return CreatedRow(key, JsonRow.parse(row[0]))
        return CreatedRow(key, await self.queries.fetch_in_transaction(transaction, result_selection(key)))

    async def update(
        self,
        connection: ActorConnection,
        resource: Resource,
        key: PrimaryKey,
        values: ColumnValues,
        *,
        expected_versions: ExpectedVersions | None = None,
        result_selection: Selection | None = None,
    ) -> JsonRow:
        """Change a row, at one of the versions if any are given, and return it as it is then."""
        columns = tuple(values)
        binds = (*values.values(), *key)
        build_sql = update_sql if columns else _lock_instead_of_update_sql

        async def write(transaction: Transaction, expected: ExpectedVersions | None) -> JsonRow | None:
            statement = build_sql(resource, columns, with_version=expected is not None)
            row = await transaction.fetch_row(statement, *binds, *(() if expected is None else (list(expected),)))
            return None if row is None else JsonRow.parse(row[0])

        async def attempt() -> JsonRow:
            async with connection.transaction() as transaction:
                row = await _write_or_raise(
                    transaction, resource, key, expected_versions=expected_versions, write=write
                )
                return (
                    row
                    if result_selection is None
                    else await self.queries.fetch_in_transaction(transaction, result_selection)
                )

        try:
            return await _with_retries(attempt)
        except ConstraintViolationError as violation:
            raise _violation_error(resource, violation, values) from violation

    async def delete(
        self,
        connection: ActorConnection,
        resource: Resource,
        key: PrimaryKey,
        *,
        expected_versions: ExpectedVersions | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        """Delete a row, at one of the versions if any are given."""

        async def write(transaction: Transaction, expected: ExpectedVersions | None) -> bool | None:
            statement = delete_sql(resource, with_version=expected is not None)
            row_count = await transaction.execute(statement, *key, *(() if expected is None else (list(expected),)))
            return True if row_count else None

        async def attempt() -> None:
            async with connection.transaction() as transaction:
                for option in options:
                    await transaction.execute("select set_config($1, 'on', true)", f"monynha.{option}")
                await _write_or_raise(transaction, resource, key, expected_versions=expected_versions, write=write)

        try:
            await _with_retries(attempt)
        except ConstraintViolationError as violation:
            raise _violation_error(resource, violation, {}) from violation


def full_row_selection(resource: Resource, key: PrimaryKey) -> Selection:
    """Return the selection that shows one row with all its fields and nothing more."""
    return Selection(resource, tuple(resource.fields), key=key)


def _lock_instead_of_update_sql(resource: Resource, columns: tuple[str, ...], *, with_version: bool) -> str:
    return lock_sql(resource, with_version=with_version)


async def _autocommit_insert(
    connection: ActorConnection,
    resource: Resource,
    values: ColumnValues,
    returning: tuple[SelectedField, ...],
) -> CreatedRow:
    stream = _stream_of_new_row(resource, values)
    statement = autocommit_insert_sql(resource, tuple(values), returning, is_stream_known=stream is not None)
    stream_versions = () if stream is None else (stream,)
    row = await connection.insert_returning(statement, list(values.values()), stream_versions=stream_versions)
    result, own_id = row
    assert own_id is not None
    return CreatedRow(_primary_key(resource, values, UUID(own_id.decode())), JsonRow.parse(result))


@lru_cache(2000)
def autocommit_insert_sql(
    resource: Resource,
    columns: tuple[str, ...],
    returning: tuple[SelectedField, ...] = (),
    *,
    is_stream_known: bool = True,
) -> str:
    """Return the insert that is a transaction of its own: its source sets the claims.

    Where the program knows which stream it writes to, the triggers need not tell (`hearing.py`).
    """
    skip_triggers = f" and set_config('monynha.inserting_into', '{resource.table.name}', true) is not null"
    guard = f"{_SET_ACTOR}{skip_triggers if is_stream_known else ''}"
    return insert_sql(resource, columns, first_bind=ACTOR_BIND_COUNT + 1, guard=guard, returning=returning)


def _stream_of_new_row(resource: Resource, values: ColumnValues) -> StreamVersion | None:
    """Return the stream that a new row is told to, as triggers tell it, where the values say which."""
    if len(resource.streams) != 1:
        return None
    stream = resource.streams[0]
    if stream.column is None:
        return StreamVersion(stream.kind, GLOBAL_STREAM_ID, None)
    id = values.get(column_of(stream.column).name)
    return StreamVersion(stream.kind, id, None) if isinstance(id, UUID) else None


def _primary_key(resource: Resource, values: ColumnValues, own_id: UUID) -> PrimaryKey:
    parent = resource.parent_column
    key_values = [values[one.name] if one is parent else own_id for one in resource.primary_key]
    return tuple(one for one in key_values if isinstance(one, UUID))


async def _write_or_raise(
    transaction: Transaction,
    resource: Resource,
    key: PrimaryKey,
    *,
    expected_versions: ExpectedVersions | None,
    write: Callable[[Transaction, ExpectedVersions | None], Awaitable[_T | None]],
) -> _T:
    """Write, or raise why nothing was touched.

    What is seen but was not touched is tried once more: it may have come into sight only in between.
    """
    for _ in range(2):
        result = await write(transaction, expected_versions)
        if result is not None:
            return result
        current_version = await transaction.fetch_value(version_sql(resource), *key)
        if current_version is None:
            raise NotFoundError()
        if expected_versions is not None and current_version not in expected_versions:
            raise (PreconditionFailedError() if await _is_write_allowed(transaction, write) else ForbiddenError())
    raise ForbiddenError()


async def _is_write_allowed(
    transaction: Transaction, write: Callable[[Transaction, ExpectedVersions | None], Awaitable[object]]
) -> bool:
    """Whether the write would be allowed at the version there is; values that stand against it come later."""
    try:
        async with transaction.dry_run():
            return await write(transaction, None) is not None
    except ConstraintViolationError as violation:
        if violation.is_permission_denied:
            raise
        return True


async def _create_error(
    connection: ActorConnection, resource: Resource, values: ColumnValues, violation: ConstraintViolationError
) -> AppError:
    parent_relation = resource.parent
    # Refused is who does not see the parent; a foreign key fails where an admin's parent is gone.
    may_parent_be_missing = violation.is_permission_denied or violation.kind == "foreign"
    if may_parent_be_missing and parent_relation is not None and resource.parent_column is not None:
        async with connection.transaction() as transaction:
            parent_id = values[resource.parent_column.name]
            if await transaction.fetch_value(version_sql(parent_relation.target), parent_id) is None:
                return NotFoundError()
    return _violation_error(resource, violation, values)


def _violation_error(resource: Resource, violation: ConstraintViolationError, values: ColumnValues) -> AppError:
    """Return the error that a violated rule means to the caller."""
    constraint_message = resource.constraint_messages.get(violation.constraint)
    if constraint_message is not None:
        return constraint_message.to_error(violation.detail)
    if violation.is_permission_denied:
        return ForbiddenError()
    if violation.kind == "missing":
        lookup_input = next(
            (one.rules.lookup[0] for one in resource.fields.values() if one.rules.lookup is not None), ""
        )
        if lookup_input in values:
            return ValidationFailedError(
                f"The validation of the request failed: {lookup_input}.",
                details={lookup_input: "is not registered"},
            )
        field = resource.fields.get(to_camel_case(violation.column))
        if field is not None and not field.rules.is_creatable:
            # The database fills it in with the asker, and the service key is no person.
            return ForbiddenError()
        return ValidationFailedError(details={to_camel_case(violation.column): "is required"})
    if violation.kind == "unique":
        return ConflictError()
    return ValidationFailedError()


async def _with_retries(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Run a transaction again where it lost a race to another, three times more at most, with jitter."""
    for attempt_number in range(1, _MAX_ATTEMPTS + 1):
        try:
            return await attempt()
        except RetryTransactionError:
            if attempt_number == _MAX_ATTEMPTS:
                raise UnavailableError() from None
            await asyncio.sleep(random.uniform(0.005, 0.02) * attempt_number)
    raise AssertionError("unreachable")

"""Creates, updates and deletes rows, each in one transaction, and distinguishes why a write is refused.

Errors take precedence in this order: not visible (404), not allowed (403), at another version (412), violated
constraint (409 or 422).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from monynha.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PreconditionFailedError,
    ValidationFailedError,
)
from monynha.core.serialization import to_camel_case
from monynha.engine.mutation.dml import delete_sql, insert_sql, lock_sql, update_sql, version_sql
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.validation import ColumnValues
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import SelectedField, Selection
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID
from monynha.engine.schema.resource import Resource, column_of
from monynha.infra.postgres.database import ACTOR_BIND_COUNT, SET_ACTOR, ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.postgres.retries import with_retries
from monynha.infra.postgres.stream_version import StreamVersion

_T = TypeVar("_T")
PrimaryKey = tuple[UUID, ...]
ExpectedVersions = tuple[int, ...]
"""The versions at which a row may be changed; an empty tuple matches none."""
_Write = Callable[[Transaction, ExpectedVersions | None], Awaitable[_T | None]]
"""Executes a write at the expected versions, at any if None; None if it touched no row."""


@dataclass(frozen=True, slots=True)
class CreatedRow:
    """A created row, with its primary key and what was selected of it."""

    key: PrimaryKey
    row: JsonRow
    is_replay: bool = False
    """Whether an earlier request with the same idempotency key created it."""


@dataclass(frozen=True)
class Mutations:
    """Writes rows as an actor.

    `result_selection` is what a write returns of its row, whatever its `key`; None for all stored fields. If the
    written row has all that is selected, the write returns it; otherwise a query in the same transaction does.
    """

    queries: Queries

    async def create(
        self,
        connection: ActorConnection,
        resource: Resource,
        values: ColumnValues,
        *,
        parent_id: UUID | None = None,
        result_selection: Selection | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> CreatedRow:
        """Create a row, below its parent if it has one; one round trip if the written row has the result."""
        if parent_id is not None and resource.parent_column is not None:
            values = {resource.parent_column.name: parent_id, **values}
        returning = () if result_selection is None else stored_fields(result_selection)

        async def attempt(connection: ActorConnection) -> CreatedRow:
            if returning is not None and idempotency_key is None and not resource.is_audited:
                return await _autocommit_insert(connection, resource, values, returning)
            async with connection.transaction() as transaction:
                selection = result_selection or Selection(resource, resource.field_names)
                return await self._insert(transaction, selection, values, returning, idempotency_key)

        try:
            return await with_retries(connection, attempt)
        except ConstraintViolationError as violation:
            raise await create_error(connection, resource, values, violation) from violation

    async def _insert(
        self,
        transaction: Transaction,
        selection: Selection,
        values: ColumnValues,
        returning: tuple[SelectedField, ...] | None,
        idempotency_key: IdempotencyKey | None,
    ) -> CreatedRow:
        resource = selection.resource
        earlier_id = None if idempotency_key is None else await idempotency_key.claim(transaction)
        if earlier_id is not None:
            key = _primary_key(resource, values, earlier_id)
            row = await self.queries.fetch_in_transaction(transaction, replace(selection, key=key))
            return CreatedRow(key, row, is_replay=True)
        statement = insert_sql(resource, tuple(values), first_bind=1, returning=returning or ())
        record = await transaction.fetch_row(statement, *values.values())
        # An insert without a condition returns its row, or raises.
        assert record is not None
        own_id = UUID(record[1])
        key = _primary_key(resource, values, own_id)
        if idempotency_key is not None:
            await idempotency_key.complete(transaction, own_id)
        if returning is not None:
            return CreatedRow(key, JsonRow.parse(record[0], resource.singular))
        return CreatedRow(key, await self.queries.fetch_in_transaction(transaction, replace(selection, key=key)))

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
        """Update a row and return it; without values it is locked and checked as for an update, but not changed."""
        columns, binds = tuple(values), (*values.values(), *key)
        returning = () if result_selection is None else stored_fields(result_selection)

        async def write(transaction: Transaction, versions: ExpectedVersions | None) -> JsonRow | None:
            build_sql = update_sql if columns else lock_sql
            statement = build_sql(resource, columns, with_version=versions is not None, returning=returning or ())
            record = await transaction.fetch_row(statement, *binds, *_version_binds(versions))
            return None if record is None else JsonRow.parse(record[0], resource.singular)

        async def attempt(connection: ActorConnection) -> JsonRow:
            async with connection.transaction() as transaction:
                row = await _write_or_raise(transaction, resource, key, expected_versions, write)
                if result_selection is None or returning is not None:
                    return row
                return await self.queries.fetch_in_transaction(transaction, replace(result_selection, key=key))

        try:
            return await with_retries(connection, attempt)
        except ConstraintViolationError as violation:
            raise violation_error(resource, violation, values) from violation

    async def delete(
        self,
        connection: ActorConnection,
        resource: Resource,
        key: PrimaryKey,
        *,
        expected_versions: ExpectedVersions | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        """Delete a row; `options` are the names of the resource's delete options that are on."""

        async def write(transaction: Transaction, versions: ExpectedVersions | None) -> bool | None:
            statement = delete_sql(resource, with_version=versions is not None)
            return await transaction.execute(statement, *key, *_version_binds(versions)) > 0 or None

        async def attempt(connection: ActorConnection) -> None:
            async with connection.transaction() as transaction:
                for option in options:
                    await transaction.execute("select set_config($1, 'on', true)", f"monynha.{option}")
                await _write_or_raise(transaction, resource, key, expected_versions, write)

        try:
            await with_retries(connection, attempt)
        except ConstraintViolationError as violation:
            raise violation_error(resource, violation, {}) from violation


def stored_fields(selection: Selection) -> tuple[SelectedField, ...] | None:
    """Return the selected fields if the written row has them all, so that the write itself returns them.

    The tuple is empty for all fields of the resource. None means that a query is needed: for relations, computed
    fields and what is read via a view.
    """
    resource = selection.resource
    if selection.relations:
        return None
    if selection.fields == resource.field_names:
        return () if resource.is_stored else None
    fields = selection.selected_fields
    is_stored = all(resource.fields[field.name].is_stored for field in fields if field.name)
    return fields if fields and is_stored else None


def _version_binds(versions: ExpectedVersions | None) -> tuple[list[int], ...]:
    return () if versions is None else (list(versions),)


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
    # The id is the primary key's, which is never null.
    assert own_id is not None
    return CreatedRow(_primary_key(resource, values, UUID(own_id.decode())), JsonRow.parse(result, resource.singular))


@lru_cache(2000)
def autocommit_insert_sql(
    resource: Resource,
    columns: tuple[str, ...],
    returning: tuple[SelectedField, ...] = (),
    *,
    is_stream_known: bool = True,
) -> str:
    """Return an insert that is its own transaction: the condition of its source sets the actor.

    If the caller knows which stream logs the row, the triggers need not report it (`realtime/triggers`).
    """
    skip_report = f" and set_config('monynha.inserting_into', '{resource.table.name}', true) is not null"
    guard = f"{SET_ACTOR}{skip_report if is_stream_known else ''}"
    return insert_sql(resource, columns, first_bind=ACTOR_BIND_COUNT + 1, guard=guard, returning=returning)


def _stream_of_new_row(resource: Resource, values: ColumnValues) -> StreamVersion | None:
    """Return the stream that logs a new row, as triggers report it; None if the values do not determine it."""
    if len(resource.streams) != 1:
        return None
    stream = resource.streams[0]
    if stream.column is None:
        return StreamVersion(stream.kind, GLOBAL_STREAM_ID, None)
    id = values.get(column_of(stream.column).name)
    return StreamVersion(stream.kind, id, None) if isinstance(id, UUID) else None


def _primary_key(resource: Resource, values: ColumnValues, own_id: UUID) -> PrimaryKey:
    parent = resource.parent_column
    key_values = (values[column.name] if column is parent else own_id for column in resource.primary_key)
    return tuple(value for value in key_values if isinstance(value, UUID))


async def _write_or_raise(
    transaction: Transaction,
    resource: Resource,
    key: PrimaryKey,
    expected_versions: ExpectedVersions | None,
    write: _Write[_T],
) -> _T:
    """Write, or raise the error that explains why no row was touched.

    If the row is visible but was not touched, the write is tried once more: the row may have become visible between
    the two statements.
    """
    for _ in range(2):
        result = await write(transaction, expected_versions)
        if result is not None:
            return result
        current_version = await transaction.fetch_value(version_sql(resource), *key)
        if current_version is None:
            raise NotFoundError.for_name(resource.singular)
        if expected_versions is not None and current_version not in expected_versions:
            raise PreconditionFailedError() if await _is_write_allowed(transaction, write) else ForbiddenError()
    raise ForbiddenError()


async def _is_write_allowed(transaction: Transaction, write: _Write[_T]) -> bool:
    """Whether the write would be allowed at the current version; a violated constraint is not checked here."""
    try:
        async with transaction.dry_run():
            return await write(transaction, None) is not None
    except ConstraintViolationError as violation:
        if violation.is_permission_denied:
            raise
        return True


async def create_error(
    connection: ActorConnection, resource: Resource, values: ColumnValues, violation: ConstraintViolationError
) -> AppError:
    """Return the error that a violation on a create means: that there is no such parent, or `violation_error`."""
    # A policy refuses who does not see the parent; for an admin, a foreign key fails if the parent does not exist.
    may_parent_be_missing = violation.is_permission_denied or violation.kind == "foreign"
    if may_parent_be_missing and resource.parent is not None and resource.parent_column is not None:
        statement, parent_id = version_sql(resource.parent.target), values[resource.parent_column.name]

        async def read_version(connection: ActorConnection) -> object:
            async with connection.transaction() as transaction:
                return await transaction.fetch_value(statement, parent_id)

        if await with_retries(connection, read_version) is None:
            return NotFoundError.for_name(resource.parent.target.singular)
    return violation_error(resource, violation, values)


def violation_error(resource: Resource, violation: ConstraintViolationError, values: ColumnValues) -> AppError:
    """Return the error that a violated constraint means to the client."""
    constraint_message = resource.constraint_messages.get(violation.constraint)
    if constraint_message is not None:
        return constraint_message.to_error(violation.detail)
    if violation.is_permission_denied:
        return ForbiddenError()
    if violation.kind == "missing":
        return _missing_value_error(resource, violation.column, values)
    if violation.kind == "unique":
        return ConflictError()
    return ValidationFailedError()


def _missing_value_error(resource: Resource, column: str, values: ColumnValues) -> AppError:
    lookups = (field.rules.lookup for field in resource.fields.values() if field.rules.lookup is not None)
    for input_name, _ in lookups:
        if input_name in values:
            return ValidationFailedError.from_field_errors({input_name: "is not registered"})
    name = to_camel_case(column)
    field = resource.fields.get(name)
    if field is not None and not field.rules.is_creatable:
        # The database sets it to the user's id, and the service key has no user.
        return ForbiddenError()
    return ValidationFailedError(details={name: "is required"})

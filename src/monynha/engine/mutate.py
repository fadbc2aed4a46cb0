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

from monynha.core.errors import Conflict, Fault, Forbidden, Invalid, NotFound, PreconditionFailed, Unavailable
from monynha.core.wire import camel
from monynha.engine.history import EVERYBODY
from monynha.engine.mutation import Values
from monynha.engine.once import Once
from monynha.engine.query import Found, Query
from monynha.engine.resource import Resource, column_of
from monynha.engine.selection import Leaf, Selection
from monynha.engine.writing import delete_sql, insert_sql, lock_sql, update_sql, version_sql
from monynha.infra.postgres.database import CLAIM_BINDS, Acting, Transaction
from monynha.infra.postgres.faults import Retry, Violation

_ATTEMPTS = 4
_T = TypeVar("_T")
_GUARD = "auth.enter($1, $2, $3)"
Key = tuple[UUID, ...]
Versions = tuple[int, ...]
"""The versions at which a row may be changed; with none of them it may not be."""


@dataclass(frozen=True, slots=True)
class Created:
    """What a create made: its key, and the row as the answer's selection shows it."""

    key: Key
    found: Found
    is_replay: bool = False


@dataclass(frozen=True)
class Mutate:
    """Changes rows; `answer` makes the selection that shows a row afterwards, None for the row itself."""

    query: Query

    async def create(
        self,
        acting: Acting,
        resource: Resource,
        values: Values,
        *,
        parent: UUID | None = None,
        answer: Callable[[Key], Selection] | None = None,
        once: Once | None = None,
    ) -> Created:
        """Create a row below its parent; where its own columns are the answer this is one round trip."""
        if parent is not None and resource.parent_column is not None:
            values = {resource.parent_column.name: parent, **values}

        # What the answer asks for does not depend on the key; only which row it asks does.
        shown = () if answer is None else answer(()).own_leaves()

        async def attempt() -> Created:
            if shown is not None and once is None:
                return await _insert_alone(acting, resource, values, shown)
            async with acting.transaction() as transaction:
                return await self._insert(transaction, resource, values, answer=answer, once=once)

        try:
            return await _retried(attempt)
        except Violation as violation:
            raise await _refused_create(acting, resource, values, violation) from violation

    async def _insert(
        self,
        transaction: Transaction,
        resource: Resource,
        values: Values,
        *,
        answer: Callable[[Key], Selection] | None,
        once: Once | None,
    ) -> Created:
        earlier = None if once is None else await once.earlier(transaction)
        if earlier is not None:
            key = _key(resource, values, earlier)
            shown = answer(key) if answer is not None else whole(resource, key)
            return Created(key, await self.query.within(transaction, shown), is_replay=True)
        row = await transaction.row(insert_sql(resource, tuple(values), first_bind=1), *values.values())
        assert row is not None
        own = UUID(row[1])
        key = _key(resource, values, own)
        if once is not None:
            await once.finish(transaction, own)
        if answer is None:
            return Created(key, Found.of(row[0]))
        return Created(key, await self.query.within(transaction, answer(key)))

    async def update(
        self,
        acting: Acting,
        resource: Resource,
        key: Key,
        values: Values,
        *,
        versions: Versions | None = None,
        answer: Selection | None = None,
    ) -> Found:
        """Change a row, at one of the versions if any are given, and return it as it is then."""
        columns = tuple(values)
        binds = (*values.values(), *key)
        sql = update_sql if columns else _lock_for_nothing

        async def write(transaction: Transaction, expected: Versions | None) -> Found | None:
            statement = sql(resource, columns, with_version=expected is not None)
            row = await transaction.row(statement, *binds, *(() if expected is None else (list(expected),)))
            return None if row is None else Found.of(row[0])

        async def attempt() -> Found:
            async with acting.transaction() as transaction:
                written = await _written(transaction, resource, key, versions=versions, write=write)
                return written if answer is None else await self.query.within(transaction, answer)

        try:
            return await _retried(attempt)
        except Violation as violation:
            raise _told(resource, violation, values) from violation

    async def delete(
        self,
        acting: Acting,
        resource: Resource,
        key: Key,
        *,
        versions: Versions | None = None,
        switches: tuple[str, ...] = (),
    ) -> None:
        """Delete a row, at one of the versions if any are given."""

        async def write(transaction: Transaction, expected: Versions | None) -> bool | None:
            statement = delete_sql(resource, with_version=expected is not None)
            gone = await transaction.run(statement, *key, *(() if expected is None else (list(expected),)))
            return True if gone else None

        async def attempt() -> None:
            async with acting.transaction() as transaction:
                for switch in switches:
                    await transaction.run("select set_config($1, 'on', true)", f"monynha.{switch}")
                await _written(transaction, resource, key, versions=versions, write=write)

        try:
            await _retried(attempt)
        except Violation as violation:
            raise _told(resource, violation, {}) from violation


def whole(resource: Resource, key: Key) -> Selection:
    """Return the selection that shows one row with all its fields and nothing more."""
    return Selection(resource, tuple(resource.fields), key=key)


def _lock_for_nothing(resource: Resource, columns: tuple[str, ...], *, with_version: bool) -> str:
    return lock_sql(resource, with_version=with_version)


async def _insert_alone(
    acting: Acting, resource: Resource, values: Values, shown: tuple[Leaf, ...]
) -> Created:
    stream = _own_stream(resource, values)
    statement = insert_alone_sql(resource, tuple(values), shown, is_known=stream is not None)
    row = await acting.tell(statement, list(values.values()), known=stream)
    shown_row, own = row
    assert own is not None
    return Created(_key(resource, values, UUID(own.decode())), Found.of(shown_row))


@lru_cache(2000)
def insert_alone_sql(
    resource: Resource, columns: tuple[str, ...], shown: tuple[Leaf, ...] = (), *, is_known: bool = True
) -> str:
    """Return the insert that is a transaction of its own: its source sets the claims.

    Where the program knows which stream it writes to, the triggers need not tell (`hearing.py`).
    """
    hush = f" and set_config('monynha.inserts', '{resource.table.name}', true) is not null"
    guard = f"{_GUARD}{hush if is_known else ''}"
    return insert_sql(resource, columns, first_bind=CLAIM_BINDS + 1, guard=guard, shown=shown)


def _own_stream(resource: Resource, values: Values) -> str | None:
    """Return the stream that a new row is told to, as triggers tell it, where the values say which."""
    if len(resource.told_to) != 1:
        return None
    told = resource.told_to[0]
    if told.by is None:
        return f"{told.kind} {EVERYBODY} 0"
    id = values.get(column_of(told.by).name)
    return None if id is None else f"{told.kind} {id} 0"


def _key(resource: Resource, values: Values, own: UUID) -> Key:
    parent = resource.parent_column
    found = [values[one.name] if one is parent else own for one in resource.key]
    return tuple(one for one in found if isinstance(one, UUID))


async def _written(
    transaction: Transaction,
    resource: Resource,
    key: Key,
    *,
    versions: Versions | None,
    write: Callable[[Transaction, Versions | None], Awaitable[_T | None]],
) -> _T:
    """Write, or raise why nothing was touched.

    What is seen but was not touched is tried once more: it may have come into sight only in between.
    """
    for _ in range(2):
        done = await write(transaction, versions)
        if done is not None:
            return done
        current = await transaction.value(version_sql(resource), *key)
        if current is None:
            raise NotFound()
        if versions is not None and current not in versions:
            raise PreconditionFailed() if await _may(transaction, write) else Forbidden()
    raise Forbidden()


async def _may(
    transaction: Transaction, write: Callable[[Transaction, Versions | None], Awaitable[object]]
) -> bool:
    """Whether the write would be allowed at the version there is; values that stand against it come later."""
    try:
        async with transaction.undone():
            return await write(transaction, None) is not None
    except Violation as violation:
        if violation.is_refusal:
            raise
        return True


async def _refused_create(acting: Acting, resource: Resource, values: Values, violation: Violation) -> Fault:
    within = resource.within
    # Refused is who does not see the parent; a foreign key fails where an admin's parent is gone.
    may_lack_parent = violation.is_refusal or violation.kind == "foreign"
    if may_lack_parent and within is not None and resource.parent_column is not None:
        async with acting.transaction() as transaction:
            parent = values[resource.parent_column.name]
            if await transaction.value(version_sql(within.target), parent) is None:
                return NotFound()
    return _told(resource, violation, values)


def _told(resource: Resource, violation: Violation, values: Values) -> Fault:
    """Return the error that a violated rule means to the caller."""
    rule = resource.rules.get(violation.constraint)
    if rule is not None:
        return rule.broken(violation.detail)
    if violation.is_refusal:
        return Forbidden()
    if violation.kind == "missing":
        other = next(
            (one.rules.found_by[0] for one in resource.fields.values() if one.rules.found_by is not None), ""
        )
        if other in values:
            return Invalid(
                f"The validation of the request failed: {other}.", details={other: "is not registered"}
            )
        field = resource.fields.get(camel(violation.column))
        if field is not None and not field.rules.creatable:
            # The database fills it in with the asker, and the service key is no person.
            return Forbidden()
        return Invalid(details={camel(violation.column): "is required"})
    if violation.kind == "unique":
        return Conflict()
    return Invalid()


async def _retried(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Run a transaction again where it lost a race to another, three times more at most, with jitter."""
    for count in range(1, _ATTEMPTS + 1):
        try:
            return await attempt()
        except Retry:
            if count == _ATTEMPTS:
                raise Unavailable() from None
            await asyncio.sleep(random.uniform(0.005, 0.02) * count)
    raise AssertionError("unreachable")

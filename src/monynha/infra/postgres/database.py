"""The way to PostgreSQL: only ever as somebody.

A read is one statement whose outer `case` sets the claims before the sub-select that reads
(`guarded`), so it costs one round trip. A write is a transaction that begins with the claims.
Claims are local to the transaction, so a connection needs no reset before its next asker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import AppError, SettingsError, UnauthenticatedError, UnavailableError
from monynha.infra.postgres.connect import DriverConnection
from monynha.infra.postgres.errors import (
    SESSION_NOT_LIVE,
    ConstraintViolationError,
    RetryTransactionError,
    translate_error,
)
from monynha.infra.postgres.pipeline.protocol import Row
from monynha.infra.postgres.role_pools import RolePools
from monynha.infra.postgres.roles import ADMIN_ROLE, APP_ROLE, SYSTEM_ROLE

SET_ACTOR = "auth.set_actor($1::text, $2::uuid, $3::uuid)"
"""SQL condition that makes the actor of `$1` claims, `$2` user id and `$3` session id the current one.

It is false where the session is not live."""
ACTOR_BIND_COUNT = 3
"""How many binds `SET_ACTOR` takes; the statement's own binds follow."""

_Result = TypeVar("_Result")
OnCommit = Callable[[str], None]
"""Called once a transaction has committed, with what its triggers told: `kind id version,…`."""


def guard_query(query: str) -> str:
    """Return the query, which makes one JSON value, so that it runs with the claims and only if live.

    PostgreSQL evaluates the sub-select only after the condition (an init plan is lazy);
    `tests/infra/postgres` holds every server version to it.
    """
    return f"select case when {SET_ACTOR} then ({query}) else 'false'::json end"


@dataclass(frozen=True)
class Database:
    """Three ways in: one asks for people, one for admins, one does the program's own work."""

    _user_pools: RolePools
    _admin_pools: RolePools
    _system_pools: RolePools
    on_commit: list[OnCommit] = field(default_factory=list)

    @classmethod
    async def open(cls, url: str, *, size: int = 4) -> Database:
        """Connect to the database at the URL; `size` connections read for people, and fewer for the rest.

        One that does not answer now stops the start (WrongSetting).
        """
        user_pools = RolePools.create(url, APP_ROLE, size=size)
        try:
            await user_pools.warm_up()
        except Exception as error:
            user_pools.close()
            translated = translate_error(error)
            if isinstance(translated, UnavailableError):
                raise SettingsError("DATABASE_URL: the database does not answer.") from error
            raise translated from error
        admin_pools = RolePools.create(url, ADMIN_ROLE, size=max(1, size // 4))
        return cls(user_pools, admin_pools, RolePools.create(url, SYSTEM_ROLE, size=max(1, size // 2)))

    async def close(self) -> None:
        """Close every connection, waiting for none."""
        self._user_pools.close()
        self._admin_pools.close()
        self._system_pools.close()

    def as_actor(self, actor: Actor) -> ActorConnection:
        """Return what the actor may do here: the only way to a connection."""
        if actor.kind is ActorKind.SYSTEM:
            return ActorConnection((self._system_pools,), actor, self.on_commit)
        if actor.kind is ActorKind.SERVICE:
            return ActorConnection((self._admin_pools,), actor, self.on_commit)
        if actor.kind is ActorKind.ANONYMOUS:
            return ActorConnection((self._user_pools,), actor, self.on_commit)
        role_pools = (self._user_pools, self._admin_pools)
        return ActorConnection(role_pools[::-1] if actor.is_admin else role_pools, actor, self.on_commit)


@dataclass(frozen=True, slots=True)
class ActorConnection:
    """A database as one actor sees it.

    Whether somebody is an admin is what their row says now; their token hints which pool to try first.
    `auth.set_actor` lets nobody in who came as the wrong one, so the other is tried before they are refused.
    """

    _role_pools: tuple[RolePools, ...]
    actor: Actor
    _on_commit: Sequence[OnCommit] = ()

    async def fetch_as_system(self, query: str, *binds: object) -> bytes:
        """Return the JSON that a query of the program's own makes in one round trip; binds begin at `$2`."""
        statement = f"select case when set_config('monynha.actor', $1, true) is not null then ({query}) end"
        result = await _translate_errors(self._role_pools[0].exclusive.execute(statement, (self.actor.name, *binds)))
        assert result.value is not None
        return result.value

    async def fetch_json(self, statement: str, binds: Sequence[object], *, is_light: bool = False) -> bytes | None:
        """Return the JSON that a guarded statement makes, None where it finds nothing; one round trip.

        What is light, others may wait for: it shares its connection with them.
        """
        actor = self.actor
        all_binds = (actor.claims, actor.id, actor.session_id, *binds)
        for pools in self._role_pools:
            result = await _translate_errors(pools.execute(statement, all_binds, is_light=is_light))
            if result.value != b"false":
                return result.value
        raise UnauthenticatedError()

    async def insert_returning(
        self, statement: str, binds: Sequence[object], *, stream_versions: str | None = None
    ) -> Row:
        """Return the row that a write makes whose source sets the claims; one round trip.

        `known` is what it writes to as far as the triggers need not tell.
        """
        actor = self.actor
        all_binds = (actor.claims, actor.id, actor.session_id, *binds)
        for pools in self._role_pools:
            result = await _translate_errors(pools.exclusive.execute(statement, all_binds))
            if result.row is not None:
                self._report_commit(",".join(one for one in (stream_versions, result.stream_versions) if one))
                return result.row
        raise UnauthenticatedError()

    def _report_commit(self, stream_versions: str) -> None:
        if stream_versions:
            for on_commit in self._on_commit:
                on_commit(stream_versions)

    def with_on_commit(self, on_commit: OnCommit) -> ActorConnection:
        """Return the same, that also tells here what its transactions wrote to."""
        return ActorConnection(self._role_pools, self.actor, (*self._on_commit, on_commit))

    async def require_live_session(self) -> None:
        """Refuse an actor whose session is over (Unauthenticated), before anything else is said."""
        await self.fetch_json(guard_query("select 'true'::json"), (), is_light=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin with the claims, commit at the end, roll back on any error."""
        try:
            async with AsyncExitStack() as exit_stack:
                connection = await self._begin(exit_stack)
                try:
                    yield Transaction(connection)
                except BaseException:
                    await _roll_back(connection)
                    raise
                await connection.execute("commit")
                stream_versions = connection.take_stream_versions()
            self._report_commit(stream_versions)
        except (AppError, RetryTransactionError, ConstraintViolationError):
            raise
        except Exception as error:
            raise translate_error(error) from error

    async def _begin(self, exit_stack: AsyncExitStack) -> DriverConnection:
        for pools in self._role_pools:
            connection = await exit_stack.enter_async_context(pools.transactions.acquire())
            connection.take_stream_versions()
            try:
                await connection.execute(_begin_sql(self.actor))
            except BaseException as error:
                await _roll_back(connection)
                if getattr(error, "sqlstate", None) != SESSION_NOT_LIVE or pools is self._role_pools[-1]:
                    raise
                await exit_stack.aclose()
            else:
                return connection
        raise UnauthenticatedError()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction under way, as its actor. Values are always bound."""

    _connection: DriverConnection

    async def fetch_value(self, statement: str, *binds: object) -> Any:
        """Return the first column of the first row, or None."""
        return await _translate_errors(self._connection.fetchval(statement, *binds))

    async def fetch_row(self, statement: str, *binds: object) -> asyncpg.Record | None:
        """Return the first row, or None."""
        row: asyncpg.Record | None = await _translate_errors(self._connection.fetchrow(statement, *binds))
        return row

    async def fetch_rows(self, statement: str, *binds: object) -> list[asyncpg.Record]:
        """Return all rows."""
        return list(await _translate_errors(self._connection.fetch(statement, *binds)))

    async def execute(self, statement: str, *binds: object) -> int:
        """Run a statement for its effect and return how many rows it touched."""
        tag: str = await _translate_errors(self._connection.execute(statement, *binds))
        row_count = tag.rpartition(" ")[2]
        return int(row_count) if row_count.isdigit() else 0

    @asynccontextmanager
    async def dry_run(self) -> AsyncIterator[None]:
        """Try something and take it back, whatever came of it."""
        await self.execute("savepoint attempt")
        try:
            yield
        finally:
            await self.execute("rollback to savepoint attempt")


async def _translate_errors(pending: Awaitable[_Result]) -> _Result:
    """Return what comes of it, and tell the driver's errors as ours."""
    try:
        return await pending
    except Exception as error:
        translated = translate_error(error)
        if translated is error:
            # Not caused by itself: that would be a ring, with all that its frames hold.
            raise
        raise translated from error


def _begin_sql(actor: Actor) -> str:
    """Return `begin` and the claims as one flush; the simple protocol takes no binds, so they are quoted."""
    if actor.kind is ActorKind.SYSTEM:
        return f"begin; select set_config('monynha.actor', {_quote_literal(actor.name)}, true)"
    user_id = _quote_literal(str(actor.id)) if actor.id else "null"
    session_id = _quote_literal(str(actor.session_id)) if actor.session_id else "null"
    return f"begin; select auth.set_actor_or_raise({_quote_literal(actor.claims)}, {user_id}, {session_id})"


def _quote_literal(text: str) -> str:
    # standard_conforming_strings is on (set on every connection), so only the quote itself needs doubling.
    return "'" + text.replace("'", "''").replace("\x00", "") + "'"


async def _roll_back(connection: DriverConnection) -> None:
    # Where the connection is gone, PostgreSQL has rolled back with it.
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await connection.execute("rollback")


_STATUSES_WITHOUT_DATABASE = frozenset({400, 404, 406, 412, 413, 415, 422})
"""Errors that may be found without the database, which alone knows whether a session is live."""


async def check_session_before_error(connection: ActorConnection | None, error: AppError | None = None) -> None:
    """Raise UnauthenticatedError if the session is over, before an error that was found without the database.

    The error is None for one that never needs the database, as for a document that is invalid. A client whose session
    is over must not learn anything else about its request; an anonymous client has no session.
    """
    if connection is None or connection.actor.is_anonymous:
        return
    if error is None or error.status in _STATUSES_WITHOUT_DATABASE:
        await connection.require_live_session()


async def is_database_reachable(database: Database) -> bool:
    """Whether the database answers."""
    try:
        async with database.as_actor(Actor(ActorKind.SYSTEM, name="health")).transaction() as transaction:
            return bool(await transaction.fetch_value("select true"))
    except UnavailableError:
        return False

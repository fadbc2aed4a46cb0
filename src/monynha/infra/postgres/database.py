"""The database: every statement runs as an actor, with that actor's role and claims.

A read is one statement whose outer `case` sets the claims before the sub-select that reads (`guard_query`), so it
takes one round trip. A write is a transaction that begins by setting the claims. Claims are local to the
transaction, so a connection needs no reset before its next caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

import asyncpg
import orjson

from monynha.core.actor import Actor, ActorKind, system_actor
from monynha.core.errors import (
    AppError,
    ForbiddenError,
    InsufficientAalError,
    SettingsError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.core.request_context import current_write
from monynha.infra.postgres.connect import DriverConnection
from monynha.infra.postgres.errors import (
    SESSION_NOT_LIVE,
    ConstraintViolationError,
    ReadOnlyTransactionError,
    RetryTransactionError,
    translate_error,
)
from monynha.infra.postgres.pipeline.protocol import Row
from monynha.infra.postgres.role_pools import RolePools
from monynha.infra.postgres.roles import ADMIN_ROLE, APP_ROLE, SYSTEM_ROLE
from monynha.infra.postgres.stream_version import StreamVersion

SET_ACTOR = "auth.set_actor($1::text, $2::uuid, $3::uuid)"
"""SQL condition that makes the actor of `$1` claims, `$2` user id and `$3` session id the current one.

It is false where the session is not live."""
ACTOR_BIND_COUNT = 3
"""How many binds `SET_ACTOR` takes; the statement's own binds follow."""

_ROLL_BACK_TIMEOUT_S = 2.0
_Result = TypeVar("_Result")
OnCommit = Callable[[Sequence[StreamVersion]], None]
"""Called after a commit with the stream versions that the transaction wrote; not called if there are none."""


def guard_query(query: str) -> str:
    """Return a query of one JSON value so that it runs with the actor's claims, and yields `false` if not live.

    PostgreSQL evaluates the sub-select only after the condition, because an init plan is lazy;
    `tests/infra/postgres/test_actor_isolation.py` verifies it for every server version.
    """
    return f"select case when {SET_ACTOR} then ({query}) else 'false'::json end"


_IS_WITHHELD = guard_query("select to_json(monynha.is_withheld($4::uuid[])::text)")


@dataclass(frozen=True)
class Database:
    """The pools of the three roles that statements run as: users, admins (and the service key), and the program."""

    _user_pools: RolePools
    _admin_pools: RolePools
    _system_pools: RolePools
    _on_commit: tuple[OnCommit, ...] = ()

    @classmethod
    async def open(cls, url: str, *, size: int = 4) -> Database:
        """Connect to the database; users get `size` shared connections, admins and the program fewer.

        Raises SettingsError if the database does not respond.
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
        # What the program does for itself is not run again, so it waits for a lock as long as it must.
        system_pools = RolePools.create(url, SYSTEM_ROLE, size=max(1, size // 2), limits_lock_waits=False)
        return cls(user_pools, admin_pools, system_pools)

    async def close(self) -> None:
        """Close every connection at once."""
        self._user_pools.close()
        self._admin_pools.close()
        self._system_pools.close()

    def with_on_commit(self, on_commit: OnCommit) -> Database:
        """Return the same database, which reports the commits made through it to `on_commit` as well."""
        return replace(self, _on_commit=(*self._on_commit, on_commit))

    def as_actor(self, actor: Actor) -> ActorConnection:
        """Return the database as the actor sees it: the only way to run a statement."""
        if actor.kind is ActorKind.SYSTEM:
            return ActorConnection((self._system_pools,), actor, self._on_commit)
        if actor.kind is ActorKind.SERVICE:
            return ActorConnection((self._admin_pools,), actor, self._on_commit)
        if actor.kind is ActorKind.ANONYMOUS:
            return ActorConnection((self._user_pools,), actor, self._on_commit)
        role_pools = (self._user_pools, self._admin_pools)
        return ActorConnection(role_pools[::-1] if actor.is_admin else role_pools, actor, self._on_commit)


@dataclass(frozen=True, slots=True)
class ActorConnection:
    """The database as one actor sees it.

    Whether a user is an admin is decided by their account's row; the token only hints which role to try first.
    `auth.set_actor` rejects an actor under the wrong role, so the other role is tried before the actor is rejected.
    """

    _role_pools: tuple[RolePools, ...]
    actor: Actor
    _on_commit: tuple[OnCommit, ...] = ()
    _is_patient: bool = False

    @property
    def _attempted_pools(self) -> tuple[RolePools, ...]:
        """The pools to try one after the other.

        The first attempt may have created the account of a foreign issuer's token, which the next one then sees.
        """
        return self._role_pools * 2 if self.actor.is_foreign else self._role_pools

    async def fetch_as_system(self, query: str, *binds: object) -> bytes:
        """Return the JSON value of a query of the program's own, in one round trip; binds begin at `$2`."""
        statement = f"select case when set_config('monynha.actor', $1, true) is not null then ({query}) end"
        result = await _translate_errors(self._role_pools[0].exclusive.execute(statement, (self.actor.name, *binds)))
        assert result.value is not None
        self._report_commit(result.stream_versions)
        return result.value

    async def fetch_json(self, statement: str, binds: Sequence[object], *, is_light: bool = False) -> bytes | None:
        """Return the JSON value of a guarded statement, or None if it is null; one round trip.

        A light statement shares its connection, so it must not take long. Raises UnauthenticatedError if the
        session is not live, ForbiddenError if the actor's role may not read what it reads, RateLimitedError if too
        many heavy statements of the user wait already.
        """
        actor = self.actor
        all_binds = (actor.claims, actor.id, actor.session_id, *binds)
        is_refused = False
        for pools in self._attempted_pools:
            try:
                result = await _translate_errors(pools.read(statement, all_binds, is_light=is_light, user_id=actor.id))
            except ReadOnlyTransactionError:
                if actor.can_write:
                    raise
                raise ForbiddenError.for_scopes() from None
            except ConstraintViolationError as violation:
                # PostgreSQL checks the role's grants before it looks at the actor, who may belong to the other role.
                if not violation.is_permission_denied:
                    raise
                is_refused = True
                continue
            if result.value != b"false":
                return result.value
        if is_refused:
            await self.require_live_session()
            raise ForbiddenError()
        raise UnauthenticatedError()

    async def insert_returning(
        self, statement: str, binds: Sequence[object], *, stream_versions: tuple[StreamVersion, ...] = ()
    ) -> Row:
        """Return the row of an insert whose source sets the claims (`SET_ACTOR`); one round trip.

        `stream_versions` are the streams it is known to write to, which the triggers therefore do not report.
        """
        actor = self.actor
        all_binds = (actor.claims, actor.id, actor.session_id, *binds)
        for pools in self._attempted_pools:
            try:
                result = await _translate_errors(pools.writes.execute(statement, all_binds))
            except ReadOnlyTransactionError:
                if actor.can_write:
                    raise
                raise ForbiddenError.for_scopes() from None
            if result.row is not None:
                self._report_commit(stream_versions + result.stream_versions)
                return result.row
        raise UnauthenticatedError()

    def _report_commit(self, stream_versions: tuple[StreamVersion, ...]) -> None:
        if stream_versions:
            for on_commit in self._on_commit:
                on_commit(stream_versions)

    def with_on_commit(self, on_commit: OnCommit) -> ActorConnection:
        """Return the same connection, which reports its commits to `on_commit` as well."""
        return replace(self, _on_commit=(*self._on_commit, on_commit))

    def patient(self) -> ActorConnection:
        """Return the same connection, whose transactions wait for a lock as long as they must, among others that do.

        For a transaction that failed with LockTimeoutError; `retries` does this.
        """
        return replace(self, _is_patient=True)

    async def require_live_session(self) -> None:
        """Raise UnauthenticatedError if the actor's session has ended."""
        await self.fetch_json(guard_query("select 'true'::json"), (), is_light=True)

    async def explain_absence(self, values: Iterable[object]) -> None:
        """Raise InsufficientAalError if one of the ids among the values is withheld from the actor below aal2.

        For reads that found nothing: row-level security hides what belongs to projects that require aal2, but those
        who would see it with a second factor are told so.
        """
        ids = [value for value in values if isinstance(value, UUID)]
        if ids and self.actor.kind is ActorKind.USER:
            is_withheld = await self.fetch_json(_IS_WITHHELD, (ids,), is_light=True)
            if is_withheld == b'"true"':
                raise InsufficientAalError()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a transaction with the claims, commit it at the end, roll back on any exception."""
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
        except ReadOnlyTransactionError:
            if self.actor.can_write:
                raise
            raise ForbiddenError.for_scopes() from None
        except (AppError, RetryTransactionError, ConstraintViolationError):
            raise
        except Exception as error:
            raise translate_error(error) from error

    async def _begin(self, exit_stack: AsyncExitStack) -> DriverConnection:
        for pools in self._role_pools:
            pool = pools.contended_transactions if self._is_patient else pools.transactions
            connection = await exit_stack.enter_async_context(pool.acquire())
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
    """An open transaction of an actor. Values are always bound."""

    _connection: DriverConnection

    async def fetch_value(self, statement: str, *binds: object) -> object:
        """Return the first column of the first row, or None."""
        value: object = await _translate_errors(self._connection.fetchval(statement, *binds))
        return value

    async def fetch_json(self, statement: str, *binds: object) -> bytes | None:
        """Return the JSON text in the first column of the first row, or None."""
        value: bytes | None = await _translate_errors(self._connection.fetchval(statement, *binds))
        return value

    async def fetch_row(self, statement: str, *binds: object) -> asyncpg.Record | None:
        """Return the first row, or None."""
        row: asyncpg.Record | None = await _translate_errors(self._connection.fetchrow(statement, *binds))
        return row

    async def fetch_rows(self, statement: str, *binds: object) -> list[asyncpg.Record]:
        """Return all rows."""
        return list(await _translate_errors(self._connection.fetch(statement, *binds)))

    async def execute(self, statement: str, *binds: object) -> int:
        """Run a statement and return how many rows it affected."""
        tag: str = await _translate_errors(self._connection.execute(statement, *binds))
        row_count = tag.rpartition(" ")[2]
        return int(row_count) if row_count.isdigit() else 0

    async def explain_absence(self, ids: Iterable[UUID]) -> None:
        """Raise InsufficientAalError if one of the ids is withheld from the actor below aal2."""
        if await self.fetch_value("select monynha.is_withheld($1::uuid[])", list(ids)):
            raise InsufficientAalError()

    @asynccontextmanager
    async def dry_run(self) -> AsyncIterator[None]:
        """Roll back to a savepoint at the end, whether or not the block raises."""
        await self.execute("savepoint dry_run")
        try:
            yield
        finally:
            await self.execute("rollback to savepoint dry_run")


async def _translate_errors(pending: Awaitable[_Result]) -> _Result:
    """Return the result; raise our own error in place of the driver's."""
    try:
        return await pending
    except Exception as error:
        translated = translate_error(error)
        if translated is error:
            # Not `from error`: an error that is its own cause is a reference cycle, with all that its frames hold.
            raise
        raise translated from error


def _begin_sql(actor: Actor) -> str:
    """Return `begin` and the claims as one message; the simple query protocol takes no binds, so values are quoted."""
    if actor.kind is ActorKind.SYSTEM:
        return f"begin; select set_config('monynha.actor', {_quote_literal(actor.name)}, true){_set_request_sql()}"
    user_id = _quote_literal(str(actor.id)) if actor.id else "null"
    session_id = _quote_literal(str(actor.session_id)) if actor.session_id else "null"
    claims = _quote_literal(actor.claims)
    return f"begin; select auth.set_actor_or_raise({claims}, {user_id}, {session_id}){_set_request_sql()}"


def _set_request_sql() -> str:
    """Return the column that tells triggers which request the transaction belongs to, if one that writes."""
    request = current_write()
    if request is None:
        return ""
    origin: dict[str, object] = {
        "ip": request.ip,
        "user_agent": request.user_agent,
        "request_id": request.request_id,
    }
    if request.actor is not None:
        origin |= {"actor_id": request.actor.id, "actor_role": request.actor.kind}
    return f", set_config('monynha.request', {_quote_literal(orjson.dumps(origin).decode())}, true)"


def _quote_literal(text: str) -> str:
    # Every connection sets standard_conforming_strings, so only the quote itself needs doubling.
    return "'" + text.replace("'", "''").replace("\x00", "") + "'"


async def _roll_back(connection: DriverConnection) -> None:
    # If the connection is lost, PostgreSQL has rolled back; if it does not respond, it is closed when it is released.
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        async with asyncio.timeout(_ROLL_BACK_TIMEOUT_S):
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
    """Whether the database responds."""
    try:
        async with database.as_actor(system_actor("health")).transaction() as transaction:
            return bool(await transaction.fetch_value("select true"))
    except UnavailableError:
        return False

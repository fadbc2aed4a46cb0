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
from monynha.core.errors import Fault, Unauthenticated, Unavailable, WrongSetting
from monynha.infra.postgres.access import Access
from monynha.infra.postgres.connecting import Connection
from monynha.infra.postgres.faults import NOT_LIVE, Retry, Violation, translated
from monynha.infra.postgres.roles import ADMIN_ROLE, APP_ROLE, SYSTEM_ROLE
from monynha.infra.postgres.wire import Row

CLAIM_BINDS = 3
"""How many binds of a guarded statement say who asks: `$1` claims, `$2` user id, `$3` session id."""

_T = TypeVar("_T")
Written = Callable[[str], None]
"""Called once a transaction has committed, with what its triggers told: `kind id version,…`."""
_GUARD = "select case when auth.enter($1, $2, $3) then ({query}) else 'false'::json end"


def guarded(query: str) -> str:
    """Return the query, which makes one JSON value, so that it runs with the claims and only if live.

    PostgreSQL evaluates the sub-select only after the condition (an init plan is lazy);
    `tests/infra/postgres` holds every server version to it.
    """
    return _GUARD.format(query=query)


@dataclass(frozen=True)
class Database:
    """Three ways in: one asks for people, one for admins, one does the program's own work."""

    _people: Access
    _admins: Access
    _system: Access
    on_written: list[Written] = field(default_factory=list)

    @classmethod
    async def open(cls, url: str, *, size: int = 4) -> Database:
        """Connect to the database at the URL; `size` connections read for people, and fewer for the rest.

        One that does not answer now stops the start (WrongSetting).
        """
        people = Access.of(url, APP_ROLE, size=size)
        try:
            await people.warm()
        except Exception as error:
            people.close()
            fault = translated(error)
            if isinstance(fault, Unavailable):
                raise WrongSetting("DATABASE_URL: the database does not answer.") from error
            raise fault from error
        admins = Access.of(url, ADMIN_ROLE, size=max(1, size // 4))
        return cls(people, admins, Access.of(url, SYSTEM_ROLE, size=max(1, size // 2)))

    async def close(self) -> None:
        """Close every connection, waiting for none."""
        self._people.close()
        self._admins.close()
        self._system.close()

    def acting(self, actor: Actor) -> Acting:
        """Return what the actor may do here: the only way to a connection."""
        if actor.kind is ActorKind.SYSTEM:
            return Acting((self._system,), actor, self.on_written)
        if actor.kind is ActorKind.SERVICE:
            return Acting((self._admins,), actor, self.on_written)
        if actor.kind is ActorKind.NOBODY:
            return Acting((self._people,), actor, self.on_written)
        ways = (self._people, self._admins)
        return Acting(ways[::-1] if actor.is_admin else ways, actor, self.on_written)


@dataclass(frozen=True, slots=True)
class Acting:
    """A database as one actor sees it.

    Whether somebody is an admin is what their row says now; their token hints which pool to try first.
    `auth.enter` lets nobody in who came as the wrong one, so the other is tried before they are refused.
    """

    _ways: tuple[Access, ...]
    actor: Actor
    _on_written: Sequence[Written] = ()

    async def look(self, query: str, *binds: object) -> bytes:
        """Return the JSON that a query of the program's own makes in one round trip; binds begin at `$2`."""
        statement = f"select case when set_config('monynha.actor', $1, true) is not null then ({query}) end"
        answer = await _ours(self._ways[0].single.ask(statement, (self.actor.name, *binds)))
        assert answer.value is not None
        return answer.value

    async def ask(self, statement: str, binds: Sequence[object], *, is_light: bool = False) -> bytes | None:
        """Return the JSON that a guarded statement makes, None where it finds nothing; one round trip.

        What is light, others may wait for: it shares its connection with them.
        """
        actor = self.actor
        whole = (actor.claims, actor.id, actor.session_id, *binds)
        for way in self._ways:
            answer = await _ours(way.ask(statement, whole, is_light=is_light))
            if answer.value != b"false":
                return answer.value
        raise Unauthenticated()

    async def tell(self, statement: str, binds: Sequence[object], *, known: str | None = None) -> Row:
        """Return the row that a write makes whose source sets the claims; one round trip.

        `known` is what it writes to as far as the triggers need not tell.
        """
        actor = self.actor
        whole = (actor.claims, actor.id, actor.session_id, *binds)
        for way in self._ways:
            answer = await _ours(way.single.ask(statement, whole))
            if answer.row is not None:
                self._tell_of(",".join(one for one in (known, answer.told) if one))
                return answer.row
        raise Unauthenticated()

    def _tell_of(self, told: str) -> None:
        if told:
            for hear in self._on_written:
                hear(told)

    def noting(self, written: Written) -> Acting:
        """Return the same, that also tells here what its transactions wrote to."""
        return Acting(self._ways, self.actor, (*self._on_written, written))

    async def check_live(self) -> None:
        """Refuse an actor whose session is over (Unauthenticated), before anything else is said."""
        await self.ask(guarded("select 'true'::json"), (), is_light=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin with the claims, commit at the end, roll back on any error."""
        try:
            async with AsyncExitStack() as held:
                connection = await self._begun(held)
                try:
                    yield Transaction(connection)
                except BaseException:
                    await _roll_back(connection)
                    raise
                await connection.execute("commit")
                told = connection.take_told()
            self._tell_of(told)
        except (Fault, Retry, Violation):
            raise
        except Exception as error:
            raise translated(error) from error

    async def _begun(self, held: AsyncExitStack) -> Connection:
        for way in self._ways:
            connection = await held.enter_async_context(way.transactions.lend())
            connection.take_told()
            try:
                await connection.execute(_beginning(self.actor))
            except BaseException as error:
                await _roll_back(connection)
                if getattr(error, "sqlstate", None) != NOT_LIVE or way is self._ways[-1]:
                    raise
                await held.aclose()
            else:
                return connection
        raise Unauthenticated()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction under way, as its actor. Values are always bound."""

    _connection: Connection

    async def value(self, statement: str, *binds: object) -> Any:
        """Return the first column of the first row, or None."""
        return await _ours(self._connection.fetchval(statement, *binds))

    async def row(self, statement: str, *binds: object) -> asyncpg.Record | None:
        """Return the first row, or None."""
        row: asyncpg.Record | None = await _ours(self._connection.fetchrow(statement, *binds))
        return row

    async def rows(self, statement: str, *binds: object) -> list[asyncpg.Record]:
        """Return all rows."""
        return list(await _ours(self._connection.fetch(statement, *binds)))

    async def run(self, statement: str, *binds: object) -> int:
        """Run a statement for its effect and return how many rows it touched."""
        tag: str = await _ours(self._connection.execute(statement, *binds))
        last = tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """Try something and take it back, whatever came of it."""
        await self.run("savepoint attempt")
        try:
            yield
        finally:
            await self.run("rollback to savepoint attempt")


async def _ours(asked: Awaitable[_T]) -> _T:
    """Return what comes of it, and tell the driver's errors as ours."""
    try:
        return await asked
    except Exception as error:
        ours = translated(error)
        if ours is error:
            # Not caused by itself: that would be a ring, with all that its frames hold.
            raise
        raise ours from error


def _beginning(actor: Actor) -> str:
    """Return `begin` and the claims as one flush; the simple protocol takes no binds, so they are quoted."""
    if actor.kind is ActorKind.SYSTEM:
        return f"begin; select set_config('monynha.actor', {_quoted(actor.name)}, true)"
    sub = _quoted(str(actor.id)) if actor.id else "null"
    session = _quoted(str(actor.session_id)) if actor.session_id else "null"
    return f"begin; select auth.enter_or_raise({_quoted(actor.claims)}, {sub}, {session})"


def _quoted(text: str) -> str:
    # standard_conforming_strings is on (set on every connection), so only the quote itself needs doubling.
    return "'" + text.replace("'", "''").replace("\x00", "") + "'"


async def _roll_back(connection: Connection) -> None:
    # Where the connection is gone, PostgreSQL has rolled back with it.
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await connection.execute("rollback")


async def database_is_there(database: Database) -> bool:
    """Whether the database answers."""
    try:
        async with database.acting(Actor(ActorKind.SYSTEM, name="health")).transaction() as transaction:
            return bool(await transaction.value("select true"))
    except Unavailable:
        return False

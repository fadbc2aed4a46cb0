"""The roles and the login that may become them: made where we may, checked everywhere.

A login that inherited a role would hold its rights without ever saying as whom it acts, so it inherits none.
From PostgreSQL 16 on that is an option of each grant; before, it is an attribute of the login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from importlib.resources import files
from typing import Any

import asyncpg

from monynha.core.errors import WrongSetting

OWNER_ROLE = "monynha_owner"
APP_ROLE = "monynha_app"
ADMIN_ROLE = "monynha_admin"
SYSTEM_ROLE = "monynha_system"
_ACTING_ROLES = (APP_ROLE, ADMIN_ROLE, SYSTEM_ROLE)
_ROLES = (OWNER_ROLE, *_ACTING_ROLES)
_OPTIONS_SINCE = 16
_TRIES = 6
_PAUSE_S = 0.05

_READY = """
    select count(*) = cardinality($2::name[]) and bool_and(pg_has_role(l.oid, r.oid, $3))
      and bool_and(has_schema_privilege(r.oid, 'public', 'usage'))
      and bool_and(has_schema_privilege('monynha_owner', 'public', 'create'))
      and bool_and(has_database_privilege('monynha_owner', current_database(), 'create'))
    from pg_roles l, pg_roles r
    where l.rolname = $1 and r.rolname = any ($2::name[])
      and exists (select from pg_roles where rolname = 'monynha_owner')
"""

Logins = Mapping[str, Collection[str]]
"""Who logs in, and which of the roles each becomes."""


def logins(*, app: str | None = None, owner: str) -> Logins:
    """Return what the login that serves and the login that migrates become; both may be the same."""
    found: dict[str, set[str]] = {owner: {OWNER_ROLE, SYSTEM_ROLE}}
    if app is not None:
        found.setdefault(app, set()).update(_ACTING_ROLES)
    return {name: [role for role in _ROLES if role in found[name]] for name in found}


def roles_sql(needed: Logins, *, major: int) -> str:
    """Return the SQL that makes the roles and lets the logins become them, for whoever may run it."""
    lines = [
        "do $$ begin execute format("
        "'grant create, connect on database %I to monynha_owner', current_database()); end $$;",
        "grant create, usage on schema public to monynha_owner;",
        "grant usage on schema public to monynha_app, monynha_admin, monynha_system;",
    ]
    how = " with inherit false, set true" if major >= _OPTIONS_SINCE else ""
    for login, roles in needed.items():
        lines.append(f"grant {', '.join(roles)} to {_quoted(login)}{how};")
        if not how and APP_ROLE in roles:
            # Last, since it also takes away what the login inherits as the owner of the database.
            lines.append(f"alter role {_quoted(login)} noinherit;")
    return files(__package__).joinpath("roles.sql").read_text() + "\n".join(lines) + "\n"


async def are_ready(connection: asyncpg.Connection[Any], needed: Logins) -> bool:
    """Whether the roles are there, may make tables, and every login may become those it needs."""
    how = "set" if connection.get_server_version().major >= _OPTIONS_SINCE else "member"
    for login, roles in needed.items():
        if not await connection.fetchval(_READY, login, list(roles), how):
            return False
    return True


async def ensure_roles(connection: asyncpg.Connection[Any], needed: Logins) -> None:
    """Make the roles and the grants to the logins, unless all is there; WrongSetting where we may not."""
    for attempt in range(_TRIES):
        if await are_ready(connection, needed):
            return
        # Roles belong to the whole cluster: somebody may grant the same in another database just now.
        with suppress(asyncpg.InternalServerError, asyncpg.UniqueViolationError):
            async with connection.transaction():
                await _make(connection, needed)
            return
        await asyncio.sleep(_PAUSE_S * 2**attempt)
    raise WrongSetting("DATABASE_OWNER_URL: somebody else changes the same roles; try again.")


async def _make(connection: asyncpg.Connection[Any], needed: Logins) -> None:
    script = roles_sql(needed, major=connection.get_server_version().major)
    may_not = WrongSetting(
        "DATABASE_OWNER_URL: the login may not prepare the database. Have an administrator run this SQL in "
        f"it, then try again:\n\n{script}"
    )
    try:
        await connection.execute(script)
    except asyncpg.InsufficientPrivilegeError:
        raise may_not from None
    except asyncpg.UndefinedObjectError as missing:
        raise WrongSetting(f"DATABASE_URL: the server has no such login ({missing}).") from None
    # Whoever may not grant on the database is only warned.
    if not await are_ready(connection, needed):
        raise may_not


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def check_login(connection: asyncpg.Connection[Any]) -> None:
    """Refuse a login that row-level security would not hold (WrongSetting)."""
    found = await connection.fetchrow(
        """
        select r.rolsuper, r.rolbypassrls,
          (select string_agg(distinct c.relname, ', ') from pg_class c
            where c.relowner = r.oid and c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text
              in ('public', 'auth', 'monynha')) as owned,
          (select string_agg(o.rolname, ', ') from pg_roles o where o.rolname = any ($1::name[])
            and pg_has_role(r.oid, o.oid, 'usage')) as inherited
        from pg_roles r where r.rolname = session_user
        """,
        list(_ROLES),
    )
    assert found is not None
    if found["rolsuper"] or found["rolbypassrls"]:
        what = "a superuser" if found["rolsuper"] else "a role with BYPASSRLS"
        raise WrongSetting(f"DATABASE_URL: the login is {what}, whom row-level security does not hold.")
    if found["owned"]:
        raise WrongSetting(f"DATABASE_URL: the login owns tables ({found['owned']}); monynha_owner should.")
    if found["inherited"]:
        raise WrongSetting(
            f"DATABASE_URL: the login inherits the rights of {found['inherited']}; it should only be able to "
            "become them (NOINHERIT on PostgreSQL 15, `with inherit false, set true` from 16 on)."
        )

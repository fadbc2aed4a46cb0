"""The database roles and the logins that may switch to them: created if permitted, and always checked.

A login that inherited a role would have its rights without setting an actor, so logins inherit none of them.
From PostgreSQL 16 on that is an option of each grant; before, it is an attribute of the login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from importlib.resources import files

import asyncpg

from monynha.core.errors import SettingsError

OWNER_ROLE = "monynha_owner"
APP_ROLE = "monynha_app"
ADMIN_ROLE = "monynha_admin"
SYSTEM_ROLE = "monynha_system"
_APP_ROLES = (APP_ROLE, ADMIN_ROLE, SYSTEM_ROLE)
_ROLES = (OWNER_ROLE, *_APP_ROLES)
_GRANT_OPTIONS_SINCE = 16
_MAX_ATTEMPTS = 6
_PAUSE_S = 0.05

_ARE_READY_SQL = """
    select count(*) = cardinality($2::name[]) and bool_and(pg_has_role(l.oid, r.oid, $3))
      and bool_and(has_schema_privilege(r.oid, 'public', 'usage'))
      and bool_and(has_schema_privilege('monynha_owner', 'public', 'create'))
      and bool_and(has_database_privilege('monynha_owner', current_database(), 'create'))
    from pg_roles l, pg_roles r
    where l.rolname = $1 and r.rolname = any ($2::name[])
      and exists (select from pg_roles where rolname = 'monynha_owner')
"""

LoginRoles = Mapping[str, Collection[str]]
"""The logins, and the roles that each may switch to."""


def required_roles(*, app: str | None = None, owner: str) -> LoginRoles:
    """Return the roles of the login that serves and of the login that migrates; both may be the same login."""
    roles_by_login: dict[str, set[str]] = {owner: {OWNER_ROLE, SYSTEM_ROLE}}
    if app is not None:
        roles_by_login.setdefault(app, set()).update(_APP_ROLES)
    return {name: [role for role in _ROLES if role in roles_by_login[name]] for name in roles_by_login}


def roles_sql(login_roles: LoginRoles, *, major: int) -> str:
    """Return the SQL that creates the roles and grants them to the logins, for PostgreSQL of that major version."""
    lines = [
        "do $$ begin execute format("
        "'grant create, connect on database %I to monynha_owner', current_database()); end $$;",
        "grant create, usage on schema public to monynha_owner;",
        "grant usage on schema public to monynha_app, monynha_admin, monynha_system;",
    ]
    grant_options = " with inherit false, set true" if major >= _GRANT_OPTIONS_SINCE else ""
    for login, roles in login_roles.items():
        lines.append(f"grant {', '.join(roles)} to {_quote_identifier(login)}{grant_options};")
        if not grant_options and APP_ROLE in roles:
            # Last, because it also removes what the login inherits as the owner of the database.
            lines.append(f"alter role {_quote_identifier(login)} noinherit;")
    return files(__package__).joinpath("roles.sql").read_text() + "\n".join(lines) + "\n"


async def are_ready(connection: asyncpg.Connection[asyncpg.Record], login_roles: LoginRoles) -> bool:
    """Whether the roles exist, the owner may create tables, and every login may switch to the roles it needs."""
    membership = "set" if connection.get_server_version().major >= _GRANT_OPTIONS_SINCE else "member"
    for login, roles in login_roles.items():
        if not await connection.fetchval(_ARE_READY_SQL, login, list(roles), membership):
            return False
    return True


async def ensure_roles(connection: asyncpg.Connection[asyncpg.Record], login_roles: LoginRoles) -> None:
    """Create the roles and grants that are missing; raise SettingsError with the SQL if the login may not."""
    for attempt in range(_MAX_ATTEMPTS):
        if await are_ready(connection, login_roles):
            return
        # Roles belong to the whole cluster: another process may grant the same in another database right now.
        with suppress(asyncpg.InternalServerError, asyncpg.UniqueViolationError):
            async with connection.transaction():
                await _create_roles(connection, login_roles)
            return
        await asyncio.sleep(_PAUSE_S * 2**attempt)
    raise SettingsError("DATABASE_OWNER_URL: another process is changing the same roles; try again.")


async def _create_roles(connection: asyncpg.Connection[asyncpg.Record], login_roles: LoginRoles) -> None:
    script = roles_sql(login_roles, major=connection.get_server_version().major)
    denied = SettingsError(
        "DATABASE_OWNER_URL: the login may not prepare the database. Have an administrator run this SQL in "
        f"it, then try again:\n\n{script}"
    )
    try:
        await connection.execute(script)
    except asyncpg.InsufficientPrivilegeError:
        raise denied from None
    except asyncpg.UndefinedObjectError as error:
        raise SettingsError(f"DATABASE_URL: the server does not have this login ({error}).") from None
    # PostgreSQL only warns if the login may not grant on the database.
    if not await are_ready(connection, login_roles):
        raise denied


def _quote_identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def check_login(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Raise SettingsError for a login that row-level security does not apply to."""
    login = await connection.fetchrow(
        """
        select r.rolsuper, r.rolbypassrls,
          (select string_agg(distinct c.relname, ', ') from pg_class c
            where c.relowner = r.oid and c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text
              in ('public', 'auth', 'monynha', 'storage')) as owned,
          (select string_agg(o.rolname, ', ') from pg_roles o where o.rolname = any ($1::name[])
            and pg_has_role(r.oid, o.oid, 'usage')) as inherited
        from pg_roles r where r.rolname = session_user
        """,
        list(_ROLES),
    )
    assert login is not None
    if login["rolsuper"] or login["rolbypassrls"]:
        privilege = "a superuser" if login["rolsuper"] else "a role with BYPASSRLS"
        raise SettingsError(f"DATABASE_URL: the login is {privilege}, which bypasses row-level security.")
    if login["owned"]:
        raise SettingsError(f"DATABASE_URL: the login owns tables ({login['owned']}); monynha_owner should.")
    if login["inherited"]:
        raise SettingsError(
            f"DATABASE_URL: the login inherits the rights of {login['inherited']}; it must only be "
            "able to switch to them (NOINHERIT on PostgreSQL 15, `with inherit false, set true` from 16 on)."
        )

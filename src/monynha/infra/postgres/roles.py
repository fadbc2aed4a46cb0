"""The roles and the login that may become them: made where we may, checked everywhere.

A login that inherited a role would hold its rights without ever saying as whom it acts, so it inherits none.
From PostgreSQL 16 on that is an option of each grant; before, it is an attribute of the login.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import asyncpg

from monynha.core.errors import WrongSetting

OWNER_ROLE = "monynha_owner"
_ROLES = ("monynha_owner", "monynha_app", "monynha_admin", "monynha_system")


def roles_sql(login: str, *, major: int, roles: tuple[str, ...] = _ROLES) -> str:
    """Return the SQL that makes the roles and lets the login become them, for whoever may run it."""
    name = '"' + login.replace('"', '""') + '"'
    grants = [
        "do $$ begin execute format("
        "'grant create, connect on database %I to monynha_owner', current_database()); end $$;",
        "grant create, usage on schema public to monynha_owner;",
        "grant usage on schema public to monynha_app, monynha_admin, monynha_system;",
    ]
    if major >= 16:
        grants += [f"grant {role} to {name} with inherit false, set true;" for role in roles]
    else:
        # Last, since it also takes away what the login inherits as the owner of the database.
        grants += [*(f"grant {role} to {name};" for role in roles), f"alter role {name} noinherit;"]
    return files(__package__).joinpath("roles.sql").read_text() + "\n".join(grants) + "\n"


async def ensure_roles(connection: asyncpg.Connection[Any], logins: tuple[str, ...]) -> None:
    """Make the roles and the grants to the logins, unless all is there; WrongSetting where we may not."""
    major = connection.get_server_version().major
    missing = [login for login in logins if not await _is_ready(connection, login)]
    for login in missing:
        script = roles_sql(login, major=major)
        try:
            async with connection.transaction():
                await connection.execute(script)
        except asyncpg.InsufficientPrivilegeError:
            raise WrongSetting(
                "DATABASE_OWNER_URL: the login may not create roles. Have an administrator run this SQL in "
                f"the database, then try again:\n\n{script}"
            ) from None


async def _is_ready(connection: asyncpg.Connection[Any], login: str) -> bool:
    return bool(
        await connection.fetchval(
            """
            select count(*) = 4 and bool_and(pg_has_role($1::name, oid, 'member'))
              and bool_and(has_schema_privilege('monynha_owner', 'public', 'create'))
              and bool_and(has_database_privilege('monynha_owner', current_database(), 'create'))
            from pg_roles where rolname = any ($2::name[])
            """,
            login,
            list(_ROLES),
        )
    )


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

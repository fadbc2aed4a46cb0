"""The database's own house rules, read from its catalogue: whatever a migration forgets is seen here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.actor import system_actor
from monynha.engine.schema.columns import ColumnRules, ColumnType, Model
from monynha.infra.postgres.database import Database

pytestmark = pytest.mark.anyio

SCHEMAS = ["public", "auth", "monynha"]
TABLES = """
select n.nspname || '.' || c.relname as name, c.relrowsecurity, c.relforcerowsecurity, o.rolname as owner
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p') order by 1
"""
POLICIES = """
select schemaname || '.' || tablename as "table", policyname, permissive, roles::text[], cmd, qual, with_check
from pg_policies where schemaname = any ($1::text[]) order by 1, 2
"""
FUNCTIONS = """
select p.oid::regprocedure::text as name, p.prosecdef, p.proconfig, o.rolname as owner,
  exists (
    select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee = 0
  ) as is_everybodys
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles o on o.oid = p.proowner
where n.nspname = any ($1::text[]) order by 1
"""
GRANTS = """
select n.nspname || '.' || c.relname as name, coalesce(r.rolname, 'public') as grantee, a.privilege_type
from pg_class c join pg_namespace n on n.oid = c.relnamespace,
  aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a left join pg_roles r on r.oid = a.grantee
where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm') order by 1, 2
"""
COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable
from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
"""
ROLES = "select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles where starts_with(rolname, 'monynha_')"


async def rows(database: Database, statement: str, *binds: object) -> Sequence[Any]:
    """Return rows of the catalogue."""
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        return await transaction.fetch_rows(statement, *binds)


async def test_every_table_has_row_level_security_forced(database: Database) -> None:
    tables = await rows(database, TABLES, SCHEMAS)

    assert len(tables) >= 12
    assert [one["name"] for one in tables if not (one["relrowsecurity"] and one["relforcerowsecurity"])] == []
    assert {one["owner"] for one in tables} == {"monynha_owner"}


async def test_every_policy_names_its_roles(database: Database) -> None:
    policies = await rows(database, POLICIES, SCHEMAS)
    known = {"monynha_owner", "monynha_app", "monynha_admin", "monynha_system"}

    assert [one["policyname"] for one in policies if not {*one["roles"]} <= known] == []
    assert [one["policyname"] for one in policies if " " not in one["policyname"]] == []


async def test_the_owner_keeps_house_everywhere(database: Database) -> None:
    tables = {one["name"] for one in await rows(database, TABLES, SCHEMAS)}
    policies = await rows(database, POLICIES, SCHEMAS)

    kept = {
        one["table"]
        for one in policies
        if (one["policyname"], one["cmd"]) == ("owner role: full access for migrations and triggers", "ALL")
    }
    assert tables == kept
    others = [one for one in policies if one["policyname"] != "owner role: full access for migrations and triggers"]
    assert [one["policyname"] for one in others if "monynha_owner" in one["roles"]] == []


async def test_what_is_written_is_checked(database: Database) -> None:
    policies = await rows(database, POLICIES, SCHEMAS)

    unchecked = [one for one in policies if one["cmd"] in ("INSERT", "UPDATE", "ALL") and one["with_check"] is None]
    assert [(one["table"], one["policyname"]) for one in unchecked] == []
    for table in {one.table.name for one in CATALOG.resources.values() if not one.table.info}:
        for role in ("monynha_app", "monynha_admin"):
            own = [one for one in policies if one["table"] == f"public.{table}" and role in one["roles"]]
            open_to_all = [one["policyname"] for one in own if "true" in (one["qual"], one["with_check"])]
            assert own
            assert open_to_all == []


async def test_who_asks_is_asked_once_and_not_for_each_row(database: Database) -> None:
    # PostgreSQL prints a wrapped call as `( SELECT auth.uid() AS uid)`; a bare one would run for every row.
    for one in await rows(database, POLICIES, SCHEMAS):
        for condition in filter(None, (one["qual"], one["with_check"])):
            for call in ("auth.uid()", "auth.is_admin()", "auth.role()", "auth.jwt()", "current_setting("):
                calls, wrapped = condition.count(call), condition.count(f"SELECT {call}")
                assert calls == wrapped, (one["table"], one["policyname"], condition)
            for name in ("see", "edit", "manage", "own"):
                call = f"projects_i_{name}()"
                assert condition.count(call) == condition.count(f"ARRAY( SELECT {call}"), one["policyname"]


async def test_every_function_of_ours_has_its_search_path_and_its_callers(database: Database) -> None:
    functions = await rows(database, FUNCTIONS, SCHEMAS)

    definers = [one for one in functions if one["prosecdef"]]
    assert len(definers) >= 9
    assert [one["name"] for one in definers if 'search_path=""' not in (one["proconfig"] or [])] == []
    assert {one["owner"] for one in functions} == {"monynha_owner"}
    assert [one["name"] for one in functions if one["is_everybodys"]] == []


async def test_nothing_is_granted_to_everybody(database: Database) -> None:
    grants = await rows(database, GRANTS, SCHEMAS)

    assert [(one["name"], one["privilege_type"]) for one in grants if one["grantee"] == "public"] == []
    people = [one for one in grants if one["grantee"] in ("monynha_app", "monynha_admin")]
    # Whole tables are given to nobody who asks, but for deleting; columns are granted one by one.
    assert {"DELETE", "SELECT"} >= {one["privilege_type"] for one in people}
    assert {"public.visible_emails"} >= {one["name"] for one in people if one["privilege_type"] == "SELECT"}
    assert [one["name"] for one in people if one["name"].startswith(("auth.", "monynha."))] == []


async def test_no_role_is_above_the_rules(database: Database) -> None:
    roles = await rows(database, ROLES)

    assert len(roles) == 4
    assert [one["rolname"] for one in roles if one["rolsuper"] or one["rolbypassrls"] or one["rolcanlogin"]] == []


async def test_the_models_are_the_schema(database: Database) -> None:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    same = {"VARCHAR": "character varying", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone"}
    declared, found = {}, {}
    for table in [one for one in Model.metadata.sorted_tables if not one.info]:
        for column in await rows(database, COLUMNS, f"public.{table.name}"):
            found[f"{table.name}.{column['name']}"] = (column["type"], column["nullable"])
        for one in table.columns:
            told = one.type.compile(dialect=dialect)
            name, bracket, length = told.partition("(")
            kind = f"{same.get(name, name.lower())}{bracket}{length}"
            declared[f"{table.name}.{one.name}"] = (kind, one.nullable)

    assert found == declared


async def test_every_resource_has_an_index_for_its_newest_rows(database: Database) -> None:
    indexes = await rows(database, "select tablename, indexdef from pg_indexes where schemaname = 'public'")

    for one in [each for each in CATALOG.resources.values() if not each.table.info]:
        newest = one.fields[one.default_sort].column
        assert newest is not None
        wanted = f"{newest.name} DESC, {one.id_column.name} DESC"
        assert [index for index in indexes if index["tablename"] == one.table.name and wanted in index["indexdef"]]


async def test_every_foreign_key_has_an_index_to_delete_by(database: Database) -> None:
    statement = """
    select c.conrelid::regclass::text || '.' || a.attname from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    join pg_namespace n on n.oid = c.connamespace
    where c.contype = 'f' and n.nspname = any ($1::text[])
      and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])
    """

    assert [one[0] for one in await rows(database, statement, SCHEMAS)] == []


async def test_every_constraint_has_words_for_the_caller(database: Database) -> None:
    statement = """
    select c.conname, c.contype::text as contype, c.conrelid::regclass::text as name from pg_constraint c
    join pg_namespace n on n.oid = c.connamespace where n.nspname = 'public' and c.contype in ('u', 'c', 'x')
    """
    told = {name for one in CATALOG.resources.values() for name in one.constraint_messages}
    # What the body's own reading refuses before: no request reaches these.
    before = ("has a known", "at most", "is active or", "in lower case", "belongs to one person")

    silent = [one["conname"] for one in await rows(database, statement)]
    assert [name for name in silent if name not in told and not any(word in name for word in before)] == []


@pytest.mark.parametrize("resource", CATALOG.resources.values(), ids=CATALOG.resources.keys())
def test_every_field_has_words_for_the_caller(resource: Any) -> None:
    for one in resource.fields.values():
        rules: ColumnRules = one.rules
        assert one.doc.endswith((".", "?")), f"{resource.plural}.{one.name}"
        assert rules.type is not ColumnType.ENUM or rules.choices
    assert resource.doc

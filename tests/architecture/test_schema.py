"""Rules for every table, policy, function and grant, read from the catalogue of a migrated database."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import pytest

from monynha.app.catalog import CATALOG
from monynha.core.actor import system_actor
from monynha.engine.schema.columns import ColumnRules, ColumnType, Model
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import Database

pytestmark = pytest.mark.anyio

OWNER_POLICY = "owner role: full access for migrations and triggers"
SCHEMAS = ["public", "auth", "monynha", "storage"]
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
  ) as is_granted_to_public
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


PROJECT_ID_FUNCTIONS = (
    "visible_project_ids()",
    "editable_project_ids()",
    "manageable_project_ids()",
    "owned_project_ids()",
)
# Validation rejects these before any statement runs.
CHECKED_BY_VALIDATION = {
    "notification_type_is_known",
    "post_content_is_at_most_100_kb",
    "project_description_is_at_most_100_kb",
    "project_member_role_is_known",
    "project_settings_are_an_object",
    "project_status_is_known",
    "task_description_is_at_most_100_kb",
    "task_priority_is_known",
    "task_status_is_known",
    "task_tags_are_at_most_50",
    "user_email_is_lower_case",
    "user_email_is_unique",
}


async def fetch_rows(database: Database, statement: str, *binds: object) -> Sequence[asyncpg.Record]:
    """Return rows of the system catalogue."""
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        return await transaction.fetch_rows(statement, *binds)


async def test_every_table_has_row_level_security_forced(database: Database) -> None:
    tables = await fetch_rows(database, TABLES, SCHEMAS)

    assert len(tables) >= 12
    assert [t["name"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"])] == []
    assert {table["owner"] for table in tables} == {"monynha_owner"}


async def test_every_policy_names_its_roles(database: Database) -> None:
    policies = await fetch_rows(database, POLICIES, SCHEMAS)
    roles = {"monynha_owner", "monynha_app", "monynha_admin", "monynha_system"}

    assert [policy["policyname"] for policy in policies if not {*policy["roles"]} <= roles] == []
    assert [policy["policyname"] for policy in policies if " " not in policy["policyname"]] == []


async def test_the_owner_role_has_full_access_to_every_table(database: Database) -> None:
    tables = {table["name"] for table in await fetch_rows(database, TABLES, SCHEMAS)}
    policies = await fetch_rows(database, POLICIES, SCHEMAS)

    covered = {p["table"] for p in policies if (p["policyname"], p["cmd"]) == (OWNER_POLICY, "ALL")}
    others = [policy for policy in policies if policy["policyname"] != OWNER_POLICY]
    assert covered == tables
    assert [policy["policyname"] for policy in others if "monynha_owner" in policy["roles"]] == []


async def test_every_write_policy_has_a_check(database: Database) -> None:
    policies = await fetch_rows(database, POLICIES, SCHEMAS)

    unchecked = [p for p in policies if p["cmd"] in ("INSERT", "UPDATE", "ALL") and p["with_check"] is None]
    assert [(policy["table"], policy["policyname"]) for policy in unchecked] == []


async def test_no_policy_of_a_resource_is_open_to_all(database: Database) -> None:
    policies = await fetch_rows(database, POLICIES, SCHEMAS)

    for table in {resource.table.name for resource in CATALOG.resources.values() if not resource.table.info}:
        for role in ("monynha_app", "monynha_admin"):
            own = [p for p in policies if p["table"] == f"public.{table}" and role in p["roles"]]
            assert own != []
            assert [p["policyname"] for p in own if "true" in (p["qual"], p["with_check"])] == []


async def test_policies_evaluate_the_actor_once_per_statement(database: Database) -> None:
    calls = 0
    # PostgreSQL prints a wrapped call as `( SELECT auth.uid() AS uid)`; a bare one would run for every row.
    for policy in await fetch_rows(database, POLICIES, SCHEMAS):
        for condition in filter(None, (policy["qual"], policy["with_check"])):
            for call in ("auth.uid()", "auth.is_admin()", "auth.role()", "auth.jwt()", "current_setting("):
                calls += condition.count(call)
                assert condition.count(f"SELECT {call}") == condition.count(call), (policy["table"], condition)
            for call in PROJECT_ID_FUNCTIONS:
                calls += condition.count(call)
                assert condition.count(f"ARRAY( SELECT {call}") == condition.count(call), policy["policyname"]

    assert calls >= 20


async def test_every_function_has_a_search_path_and_no_public_grant(database: Database) -> None:
    functions = await fetch_rows(database, FUNCTIONS, SCHEMAS)

    definers = [function for function in functions if function["prosecdef"]]
    assert len(definers) >= 9
    assert [f["name"] for f in definers if 'search_path=""' not in (f["proconfig"] or [])] == []
    assert {function["owner"] for function in functions} == {"monynha_owner"}
    assert [function["name"] for function in functions if function["is_granted_to_public"]] == []


async def test_nothing_is_granted_to_public(database: Database) -> None:
    grants = await fetch_rows(database, GRANTS, SCHEMAS)

    assert [(g["name"], g["privilege_type"]) for g in grants if g["grantee"] == "public"] == []


async def test_actors_are_granted_columns_and_not_tables(database: Database) -> None:
    grants = await fetch_rows(database, GRANTS, SCHEMAS)

    to_actors = [grant for grant in grants if grant["grantee"] in ("monynha_app", "monynha_admin")]
    # Whole tables are granted for DELETE only; columns are granted one by one.
    assert {grant["privilege_type"] for grant in to_actors} <= {"DELETE", "SELECT"}
    assert {g["name"] for g in to_actors if g["privilege_type"] == "SELECT"} <= {
        "public.visible_emails",
        "public.visible_invitation_emails",
    }
    assert [grant["name"] for grant in to_actors if grant["name"].startswith(("auth.", "monynha."))] == []


async def test_no_role_bypasses_row_level_security(database: Database) -> None:
    roles = await fetch_rows(database, ROLES)

    assert len(roles) == 4
    assert [r["rolname"] for r in roles if r["rolsuper"] or r["rolbypassrls"] or r["rolcanlogin"]] == []


async def test_the_models_match_the_schema(database: Database) -> None:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it without types
    catalogue_names = {"VARCHAR": "character varying", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone"}
    declared, existing = {}, {}
    for table in [table for table in Model.metadata.sorted_tables if not table.info]:
        for row in await fetch_rows(database, COLUMNS, f"public.{table.name}"):
            existing[f"{table.name}.{row['name']}"] = (row["type"], row["nullable"])
        for column in table.columns:
            name, bracket, length = column.type.compile(dialect=dialect).partition("(")
            type_name = f"{catalogue_names.get(name, name.lower())}{bracket}{length}"
            declared[f"{table.name}.{column.name}"] = (type_name, column.nullable)

    assert existing == declared


async def test_every_resource_has_an_index_for_its_default_order(database: Database) -> None:
    indexes = await fetch_rows(database, "select tablename, indexdef from pg_indexes where schemaname = 'public'")

    for resource in [resource for resource in CATALOG.resources.values() if not resource.table.info]:
        column = resource.fields[resource.default_sort].column
        assert column is not None
        order = f"{column.name} DESC, {resource.id_column.name} DESC"
        definitions = [index["indexdef"] for index in indexes if index["tablename"] == resource.table.name]
        assert [definition for definition in definitions if order in definition] != [], resource.plural


async def test_every_foreign_key_has_an_index(database: Database) -> None:
    statement = """
    select c.conrelid::regclass::text || '.' || a.attname from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    join pg_namespace n on n.oid = c.connamespace
    where c.contype = 'f' and n.nspname = any ($1::text[])
      and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])
    """

    assert [row[0] for row in await fetch_rows(database, statement, SCHEMAS)] == []


async def test_every_constraint_has_an_error_message(database: Database) -> None:
    statement = """
    select c.conname from pg_constraint c
    join pg_namespace n on n.oid = c.connamespace where n.nspname = 'public' and c.contype in ('u', 'c', 'x')
    """

    constraints = {row["conname"] for row in await fetch_rows(database, statement)}
    with_message = {name for resource in CATALOG.resources.values() for name in resource.constraint_messages}
    assert constraints >= CHECKED_BY_VALIDATION
    assert constraints - with_message - CHECKED_BY_VALIDATION == set()


@pytest.mark.parametrize("resource", CATALOG.resources.values(), ids=CATALOG.resources.keys())
def test_every_field_is_documented(resource: Resource) -> None:
    for field in resource.fields.values():
        rules: ColumnRules = field.rules
        assert field.doc.endswith((".", "?")), f"{resource.plural}.{field.name}"
        assert rules.type is not ColumnType.ENUM or rules.choices
    assert resource.doc

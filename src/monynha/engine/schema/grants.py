"""Column grants: the SQL that lets the API's database roles read and write each column, derived from the rules."""

from __future__ import annotations

from collections.abc import Iterable

from monynha.engine.schema.resource import Resource

_ADMIN_ROLE = "monynha_admin"
_USER_ROLES = f"monynha_app, {_ADMIN_ROLE}"


def grants_sql(resources: Iterable[Resource]) -> str:
    """Return the grants on every resource's table, column by column."""
    return "\n".join(_resource_grants(resource) for resource in resources)


def _resource_grants(resource: Resource) -> str:
    table = f"public.{resource.table.name}"
    roles = _ADMIN_ROLE if resource.is_admin_only else _USER_ROLES
    columns = [(field.column.name, field.rules) for field in resource.fields.values() if field.column is not None]
    # The version is read for the ETag; a column that is read via a view is readable there alone.
    readable_columns = [name for name, rules in columns if rules.read_via_view is None] + ["version"]
    creatable_columns = [name for name, rules in columns if rules.is_creatable]
    if resource.parent_column is not None:
        creatable_columns.append(resource.parent_column.name)
    updatable_columns = [name for name, rules in columns if rules.is_updatable]
    statements = [f"grant select ({', '.join(readable_columns)}) on {table} to {roles};"]
    if "create" in resource.operations:
        names = ", ".join(dict.fromkeys(creatable_columns))
        statements.append(f"grant insert ({names}) on {table} to {roles};")
    if "update" in resource.operations and updatable_columns:
        statements.append(f"grant update ({', '.join(updatable_columns)}) on {table} to {roles};")
    if "delete" in resource.operations:
        statements.append(f"grant delete on {table} to {roles};")
    return "\n".join(statements)

"""Column grants, derived from the declarations: what may be read and written at all, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from monynha.engine.schema.resource import Resource

_USER_ROLES = "monynha_app, monynha_admin"


def grants_sql(resources: Iterable[Resource]) -> str:
    """Return the grants of the people's roles on every resource's table, column by column."""
    return "\n".join(_resource_grants(resource) for resource in resources)


def _resource_grants(resource: Resource) -> str:
    table = f"public.{resource.table.name}"
    fields = [one for one in resource.fields.values() if one.column is not None]
    # The row's version is read for the ETag; what is seen through a view is read there alone.
    readable_columns = [one.column.name for one in fields if one.column is not None and one.rules.read_via_view is None]
    parent = resource.parent_column
    creatable_columns = [one.column.name for one in fields if one.column is not None and one.rules.is_creatable]
    if parent is not None:
        creatable_columns.append(parent.name)
    updatable_columns = [one.column.name for one in fields if one.column is not None and one.rules.is_updatable]
    statements = [f"grant select ({', '.join([*readable_columns, 'version'])}) on {table} to {_USER_ROLES};"]
    if "create" in resource.operations:
        statements.append(f"grant insert ({', '.join(dict.fromkeys(creatable_columns))}) on {table} to {_USER_ROLES};")
    if "update" in resource.operations and updatable_columns:
        statements.append(f"grant update ({', '.join(updatable_columns)}) on {table} to {_USER_ROLES};")
    if "delete" in resource.operations:
        statements.append(f"grant delete on {table} to {_USER_ROLES};")
    return "\n".join(statements)

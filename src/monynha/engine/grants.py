"""Column grants, derived from the declarations: what may be read and written at all, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from monynha.engine.resource import Resource

_PEOPLE = "monynha_app, monynha_admin"


def grants_sql(resources: Iterable[Resource]) -> str:
    """Return the grants of the people's roles on every resource's table, column by column."""
    return "\n".join(_grants(resource) for resource in resources)


def _grants(resource: Resource) -> str:
    table = f"public.{resource.table.name}"
    fields = [one for one in resource.fields.values() if one.column is not None]
    # The row's version is read for the ETag; what is seen through a view is read there alone.
    read = [one.column.name for one in fields if one.column is not None and one.rules.seen_through is None]
    parent = resource.parent_column
    created = [one.column.name for one in fields if one.column is not None and one.rules.creatable]
    if parent is not None:
        created.append(parent.name)
    updated = [one.column.name for one in fields if one.column is not None and one.rules.updatable]
    lines = [f"grant select ({', '.join([*read, 'version'])}) on {table} to {_PEOPLE};"]
    if "create" in resource.verbs:
        lines.append(f"grant insert ({', '.join(dict.fromkeys(created))}) on {table} to {_PEOPLE};")
    if "update" in resource.verbs and updated:
        lines.append(f"grant update ({', '.join(updated)}) on {table} to {_PEOPLE};")
    if "delete" in resource.verbs:
        lines.append(f"grant delete on {table} to {_PEOPLE};")
    return "\n".join(lines)

"""Column grants: users may read and write exactly what the declarations allow."""

from __future__ import annotations

import re

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.schema.grants import grants_sql


def granted_columns(plural: str, privilege: str) -> set[str]:
    """Return the columns of a privilege on a resource's table."""
    match = re.search(rf"grant {privilege} \(([^)]*)\)", grants_sql([CATALOG.resources[plural]]))
    return set() if match is None else set(match[1].split(", "))


def test_column_that_is_read_via_a_view_is_not_granted() -> None:
    readable = granted_columns("users", "select")

    assert {"id", "name", "version"} <= readable
    assert not {"email", "email_verified"} & readable


def test_parent_is_set_on_create_and_never_updated() -> None:
    assert "project_id" in granted_columns("tasks", "insert")
    assert "project_id" not in granted_columns("tasks", "update")


def test_server_columns_are_never_written() -> None:
    server_columns = {"id", "version", "created_at", "updated_at"}

    assert not server_columns & granted_columns("tasks", "insert")
    assert not server_columns & granted_columns("tasks", "update")


@pytest.mark.parametrize("plural", CATALOG.resources)
def test_privileges_follow_the_operations(plural: str) -> None:
    resource, sql = CATALOG.resources[plural], grants_sql([CATALOG.resources[plural]])

    for privilege, operation in (("insert", "create"), ("update", "update"), ("delete", "delete")):
        if f"grant {privilege}" in sql:
            assert operation in resource.operations
    assert ("grant delete" in sql) == ("delete" in resource.operations)

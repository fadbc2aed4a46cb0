"""The SQL of writes: the order of their binds, and where the values of inputs go."""

from __future__ import annotations

from monynha.app.composition.catalog import CATALOG
from monynha.engine.mutation.dml import insert_sql, lock_sql, update_sql
from monynha.engine.query.selection import SelectedField

MEMBERS, TASKS = CATALOG.resources["members"], CATALOG.resources["tasks"]


def test_lookup_input_is_resolved_by_its_function() -> None:
    sql = insert_sql(MEMBERS, ("project_id", "email"), first_bind=1)

    assert "(project_id, user_id) select $1::uuid, public.user_id_by_email($2::text) returning" in sql


def test_guard_is_the_condition_of_the_inserted_row() -> None:
    assert " where $9 returning " in insert_sql(TASKS, ("title",), first_bind=1, guard="$9")


def test_update_binds_values_then_key_then_versions() -> None:
    sql = update_sql(TASKS, ("title", "status"), with_version=True, returning=(SelectedField("x", "title"),))

    assert sql.startswith("update public.tasks set title = $1::text, status = $2::text where id = $3::uuid and ")
    assert "version = any ($4::bigint[])" in sql
    assert 'tasks.title as "x"' in sql
    assert "created_at" not in sql


def test_lock_binds_as_an_update_without_values() -> None:
    assert " where id = $1::uuid and version = any ($2::bigint[]) for update" in lock_sql(TASKS, with_version=True)

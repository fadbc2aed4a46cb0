"""Bindings: which tables can be bound, and which streams a filter needs."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.protocols.phoenix.bindings import binding_id, parse_binding, wanted_streams
from monynha.protocols.phoenix.filters import FilterError
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("table", ["users", "idempotency_keys", "nonsense"])
async def test_unpublished_table_cannot_be_bound(address: str, api_key: str, user: ApiUser, table: str) -> None:
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, {"event": "*", "schema": "public", "table": table})

        assert (await client.receive("system"))["payload"]["status"] == "error"


@pytest.mark.parametrize(
    "config", [tasks_binding(schema="auth"), tasks_binding(event="TRUNCATE"), tasks_binding(select=["secret"])]
)
def test_unknown_schema_event_and_column_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(FilterError):
        parse_binding(CATALOG, config)


def test_binding_to_all_tables_makes_a_binding_for_each() -> None:
    tables = {binding.resource.table.name for binding in parse_binding(CATALOG, {"table": "*"})}

    assert {"tasks", "projects", "project_members"} <= tables
    assert "users" not in tables


def test_equal_bindings_have_equal_positive_ids() -> None:
    assert binding_id({"a": 1, "b": 2}) == binding_id({"b": 2, "a": 1}) > 0
    assert binding_id({"a": 1}) != binding_id({"a": 2})


@pytest.mark.parametrize(
    ("filters", "stream_ids"),
    [
        ([f"project_id=eq.{FIRST}"], {FIRST}),
        ([f"project_id=in.({FIRST},{SECOND})"], {FIRST, SECOND}),
        ([f"project_id=eq.{FIRST}", f"project_id=eq.{SECOND}"], {FIRST, SECOND}),
        ([f"project_id=eq.{FIRST}", "status=eq.done"], None),
        ([f"project_id=not.eq.{FIRST}"], None),
        ([f"project_id=neq.{FIRST}"], None),
    ],
    ids=range(6),
)
def test_filter_by_project_needs_only_the_streams_of_those(filters: list[str], stream_ids: set[UUID] | None) -> None:
    bindings = [binding for text in filters for binding in parse_binding(CATALOG, tasks_binding(filter=text))]

    assert wanted_streams(bindings) == {"project": stream_ids}

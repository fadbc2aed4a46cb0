"""The list of audit events goes on where a page ended, whatever happens meanwhile."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.domains.audit import record_audit_event
from monynha.infra.postgres.database import Database
from tests.protocols.graphql.requests import fetch_data
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def record(database: Database, marker: str, *actions: str) -> None:
    """Record events about a target of the test's own."""
    for action in actions:
        async with database.as_actor(system_actor("test")).transaction() as transaction:
            await record_audit_event(transaction, action, target_type="test", target_id=marker, details={"a": 1})


async def test_pages_are_stable_while_events_are_recorded(database: Database, admin: ApiUser) -> None:
    marker = str(uuid4())
    await record(database, marker, "test.first", "test.second", "test.third")

    first = (await admin.get(f"/admin/audit?targetId={marker}&limit=2")).json()
    await record(database, marker, "test.fourth")
    cursor = first["meta"]["nextCursor"]
    second = (await admin.get(f"/admin/audit?targetId={marker}&limit=2&cursor={cursor}")).json()

    assert [event["action"] for event in first["data"]] == ["test.third", "test.second"]
    assert [event["action"] for event in second["data"]] == ["test.first"]
    assert second["meta"]["nextCursor"] is None


async def test_an_event_is_the_same_by_rest_and_graphql(database: Database, admin: ApiUser) -> None:
    marker = str(uuid4())
    await record(database, marker, "test.recorded")

    [listed] = (await admin.get(f"/admin/audit?targetId={marker}")).json()["data"]
    read = (await admin.get(f"/admin/audit/{listed['id']}")).json()["data"]
    fields = " ".join(listed)
    by_graphql = await fetch_data(admin, f'{{ auditEvent(id: "{listed["id"]}") {{ {fields} }} }}')

    assert read == listed
    assert by_graphql["auditEvent"] == listed
    assert listed["details"] == {"a": 1}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_there_is_no_way_to_write(admin: ApiUser, method: str) -> None:
    for path in ("/admin/audit", f"/admin/audit/{uuid4()}"):
        assert (await admin.request(method, path, json={})).status_code == 405

"""What is recorded of a request: who, what, from where; and of rights, whichever way they change."""

from __future__ import annotations

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.domains.audit import record_audit_event
from monynha.infra.postgres.database import Database
from tests.domains.audit.conftest import RecordedEvents
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

HEADERS = {"user-agent": "Test browser", "x-request-id": "request-of-a-test"}
ORIGIN = ("127.0.0.1", "Test browser", "request-of-a-test")


async def test_a_change_of_a_role_is_recorded_with_its_actor_and_origin(
    users: UserFactory, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "viewer")
    path = f"/projects/{project['id']}/members/{member.id}"
    await user.put(path, {"role": "member"}, headers=HEADERS)
    await user.delete(path, headers=HEADERS)

    events = await recorded_events(member.id)

    added, changed, removed = [(event["action"], event["details"]) for event in events]
    assert added == ("member.added", {"projectId": project["id"], "role": "viewer"})
    assert changed == (
        "member.role_changed",
        {"projectId": project["id"], "role": "member", "formerRole": "viewer"},
    )
    assert removed == ("member.removed", {"projectId": project["id"], "role": "member"})
    assert {event["actor_id"] for event in events} == {user.id}
    assert {event["actor_role"] for event in events} == {"authenticated"}
    assert [(e["ip"], e["user_agent"], e["request_id"]) for e in events[1:]] == [ORIGIN] * 2


async def test_a_new_owner_is_recorded(users: UserFactory, user: ApiUser, recorded_events: RecordedEvents) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "admin")

    await user.put(f"/projects/{project['id']}/members/{member.id}", {"role": "owner"})

    changes = [e for e in await recorded_events(project["id"]) if e["action"] == "project.owner_changed"]
    assert [event["details"] for event in changes] == [{"ownerId": str(member.id), "formerOwnerId": str(user.id)}]


async def test_a_deleted_project_is_one_event_and_not_one_for_each_member(
    users: UserFactory, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    project = await user.create_project()
    for role in ("viewer", "member"):
        await users.create_member(project, user, role)
    response = await user.delete(f"/projects/{project['id']}")

    assert response.status_code == 204
    actions = [event["action"] for event in await recorded_events(project["id"])]
    assert actions == ["member.added", "member.added", "project.deleted"]


async def test_the_deletion_of_an_account_is_recorded_although_it_is_gone(
    user: ApiUser, recorded_events: RecordedEvents
) -> None:
    assert (await user.delete("/users/me")).status_code == 204

    [event] = await recorded_events(user.id)
    assert (event["action"], event["target_id"]) == ("user.deleted", str(user.id))
    assert (event["actor_id"], event["actor_role"]) == (user.id, "authenticated")


async def test_what_the_service_key_does_is_recorded_as_its_doing(
    users: UserFactory, user: ApiUser, settings: Settings, recorded_events: RecordedEvents
) -> None:
    key = make_key("service_role", settings.jwt_secret)
    changes = {"app_metadata": {"role": "admin"}, "ban_duration": "1h"}
    path = f"http://monynha.test/auth/v1/admin/users/{user.id}"
    response = await user.client.put(path, json=changes, headers={**HEADERS, "authorization": f"Bearer {key}"})

    assert response.status_code == 200, response.text
    events = await recorded_events(user.id)
    by_action = {event["action"]: event for event in events}
    assert set(by_action) == {"user.updated", "user.role_changed", "user.banned"}
    assert by_action["user.role_changed"]["details"] == {"role": "admin", "formerRole": None}
    assert by_action["user.updated"]["details"] == {"fields": ["app_metadata", "banned_until"]}
    assert {(e["actor_id"], e["actor_role"]) for e in events} == {(None, "service_role")}
    assert {(e["ip"], e["user_agent"], e["request_id"]) for e in events} == {ORIGIN}


async def test_the_program_itself_is_the_actor_without_a_request(
    database: Database, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        await record_audit_event(transaction, "test.recorded", target_type="user", target_id=str(user.id))

    [event] = await recorded_events(user.id)
    assert (event["actor_id"], event["actor_role"], event["ip"], event["request_id"]) == (None, "system", None, None)


async def test_details_that_are_too_long_are_dropped_and_the_event_is_not(
    database: Database, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    async with database.as_actor(system_actor("test")).transaction() as transaction:
        await record_audit_event(transaction, "test.recorded", actor_id=user.id, details={"text": "x" * 9_000})

    [event] = await recorded_events(user.id)
    assert event["details"] == {"truncated": True}


async def test_a_hostile_user_agent_and_request_id_do_no_harm(
    users: UserFactory, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    project = await user.create_project()
    member = await users.create("Member")
    agent = "'); drop table monynha.audit_events; -- \\' \" " + "x" * 2_000
    body = {"userId": str(member.id), "role": "viewer"}

    await user.post(f"/projects/{project['id']}/members", body, headers={"user-agent": agent})
    await user.delete(f"/projects/{project['id']}/members/{member.id}", headers={"user-agent": agent})

    assert [event["user_agent"] for event in await recorded_events(member.id)] == [agent[:500]] * 2

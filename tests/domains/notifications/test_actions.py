"""Notifications of assignments, mentions and memberships, and marking them as read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live_server import OwnerSql
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def list_notifications(user: ApiUser, query: str = "") -> list[dict[str, Any]]:
    response = await user.get(f"/notifications{query}")
    assert response.status_code == 200, response.text
    notifications: list[dict[str, Any]] = response.json()["data"]
    return notifications


async def test_adding_and_assigning_a_user_notifies_them_at_once(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project(name="Garden")
    bob = await users.create_member(project, user, "member", "Bob")
    task = await user.create_task(project, title="Dig", assigneeId=str(bob.id))

    notifications = await list_notifications(bob)

    assert [(notification["type"], notification["title"]) for notification in notifications] == [
        ("assigned", "Dig"),
        ("added", "Garden"),
    ]
    assert notifications[0]["data"] == {"projectId": project["id"], "taskId": task["id"], "actorId": str(user.id)}
    assert await list_notifications(user) == []


async def test_users_are_not_notified_of_their_own_changes(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    await user.create_task(project, assigneeId=str(user.id), description="@Ada, look!")

    assert await list_notifications(user) == []


async def test_a_mentioned_member_is_notified_once(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    bob = await users.create_member(project, user, "viewer", "Bob")
    task = await user.create_task(project, title="Dig", description="mail bob@example.com, @Bobby and me@Bob")
    before = [notification["type"] for notification in await list_notifications(bob)]
    await user.put(f"/tasks/{task['id']}", {"description": "Ask @bob."})
    await user.put(f"/tasks/{task['id']}", {"description": "Ask @bob again."})

    after = [notification["type"] for notification in await list_notifications(bob)]

    assert before == ["added"]
    assert after == ["mentioned", "added"]


async def test_a_mentioned_outsider_is_not_notified(users: UserFactory, user: ApiUser) -> None:
    outsider = await users.create("Evelyn")
    await user.create_task(await user.create_project(), description="@Evelyn")

    assert await list_notifications(outsider) == []


async def test_notifications_are_marked_read_one_by_one_and_all_at_once(users: UserFactory, user: ApiUser) -> None:
    bob = await users.create("Bob")
    for _ in range(3):
        project = await user.create_project()
        await user.create(f"/projects/{project['id']}/members", {"userId": str(bob.id)})
    first, *_ = await list_notifications(bob)
    read = await bob.put(f"/notifications/{first['id']}", {"read": True})
    again = await bob.put(f"/notifications/{first['id']}", {"read": True})
    unread = await list_notifications(bob, "?unread=true")
    already_read = await list_notifications(bob, "?unread=false")
    read_all = await bob.post("/notifications/read-all", {})

    assert read.status_code == 200, read.text
    assert read.json()["data"]["readAt"] is not None
    assert read.json() == again.json()
    assert len(unread) == 2
    assert [notification["id"] for notification in already_read] == [first["id"]]
    assert read_all.json()["data"] == {"updated": 2}
    assert await list_notifications(bob, "?unread=true") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [({"read": 1}, "read"), ({"readAt": None}, "readAt"), ({"read": True, "title": "x"}, "title")],
)
async def test_only_the_read_flag_of_a_notification_can_be_changed(
    users: UserFactory, user: ApiUser, body: Any, field: str
) -> None:
    project = await user.create_project()
    bob = await users.create_member(project, user, "member")
    first, *_ = await list_notifications(bob)

    response = await bob.put(f"/notifications/{first['id']}", body)

    assert response.status_code == 422
    assert list(response.json()["error"]["details"]) == [field]


async def test_notifications_of_others_are_not_found(users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    bob = await users.create_member(project, user, "member")
    first, *_ = await list_notifications(bob)

    assert (await user.get(f"/notifications/{first['id']}")).status_code == 404
    assert (await user.put(f"/notifications/{first['id']}", {"read": True})).status_code == 404
    assert (await users.anonymous().get("/notifications")).status_code == 401
    assert (await users.anonymous().post("/notifications/read-all", {})).status_code == 401


async def test_graphql_marks_notifications_read_like_rest(users: UserFactory, user: ApiUser) -> None:
    mark = """mutation ($id: ID!, $input: UpdateNotificationInput!) {
      updateNotification(id: $id, input: $input) { title readAt user { name } }
    }"""
    project = await user.create_project(name="Garden")
    bob = await users.create_member(project, user, "member", "Bob")
    await user.create_task(project, title="Dig", assigneeId=str(bob.id))
    first, second = await list_notifications(bob)

    read = await fetch_data(bob, mark, id=first["id"], input={"read": True})
    again = await fetch_data(bob, mark, id=first["id"], input={"read": True})
    nothing = await fetch_data(bob, mark, id=first["id"], input={})
    unread = await fetch_data(bob, mark, id=first["id"], input={"read": False})
    updated = await fetch_data(bob, "mutation { readAllNotifications }")
    none_left = await fetch_data(bob, "mutation { readAllNotifications }")

    marked = read["updateNotification"]
    assert (marked["title"], marked["user"]) == ("Dig", {"name": "Bob"})
    assert marked["readAt"] is not None
    assert read == again == nothing
    assert unread["updateNotification"]["readAt"] is None
    assert (updated["readAllNotifications"], none_left["readAllNotifications"]) == (2, 0)
    assert await list_notifications(bob, "?unread=true") == []
    assert await error_codes(user, mark, id=second["id"], input={"read": False}) == ["NOT_FOUND"]
    for query in (mark, "mutation { readAllNotifications }"):
        variables = {"id": first["id"], "input": {"read": True}} if query == mark else {}
        assert await error_codes(users.anonymous(), query, **variables) == ["UNAUTHENTICATED"]


async def test_notifications_of_a_project_that_was_left_are_not_shown(
    users: UserFactory, user: ApiUser, owner_sql: OwnerSql
) -> None:
    left, kept = await user.create_project(name="Secret garden"), await user.create_project(name="Park")
    bob = await users.create_member(left, user, "member", "Bob")
    await user.create(f"/projects/{kept['id']}/members", {"userId": str(bob.id), "role": "member"})
    await user.create_task(left, title="Secret task", assigneeId=str(bob.id))
    unread = [notification["id"] for notification in await list_notifications(bob)]

    response = await bob.delete(f"/projects/{left['id']}/members/{bob.id}")

    assert response.status_code == 204
    assert [notification["title"] for notification in await list_notifications(bob, "?unread=true")] == ["Park"]
    data = await fetch_data(bob, "{ notifications { title } }")
    assert data["notifications"] == [{"title": "Park"}]
    assert [(await bob.put(f"/notifications/{id}", {"read": True})).status_code for id in unread] == [404, 200, 404]
    events = await owner_sql(
        "select new::text || coalesce(old::text, '') as event from monynha.events "
        "where stream = $1 and resource = 'notifications'",
        bob.id,
    )
    assert len(events) >= 3
    assert [row["event"] for row in events if "Secret" in row["event"]] == []

"""The results of subscriptions, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.live_server import ws_client as live_ws_client
from tests.protocols.graphql.clients import (
    TASK_CHANGED,
    TASK_CHANGED_WITH_RELATIONS,
    project_variables,
    subscribed_client,
    ws_client,
)
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_subscriber_receives_every_change_of_a_task(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        task = await user.create_task(project, title="Write", tags=["a", 'ü"'])
        await user.put(f"/tasks/{task['id']}", {"status": "done", "assigneeId": str(user.id)})
        await user.delete(f"/tasks/{task['id']}")

        results = [await client.next_result() for _ in range(3)]

    unchanged = {"id": task["id"], "title": "Write", "tags": ["a", 'ü"']}
    assert [{name: value for name, value in result.items() if name != "resumeToken"} for result in results] == [
        {"action": "created", **unchanged, "status": "todo", "assigneeId": None},
        {"action": "updated", **unchanged, "status": "done", "assigneeId": str(user.id)},
        {"action": "deleted", **unchanged, "status": "done", "assigneeId": str(user.id)},
    ]
    assert len({result["resumeToken"] for result in results}) == 3


async def test_relations_are_fetched_for_each_event(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    bob = await users.create_member(project, user, "member", "Bob")
    async with subscribed_client(address, user, TASK_CHANGED_WITH_RELATIONS, project) as client:
        task = await bob.create_task(project, title="Write", assigneeId=str(user.id))
        created = await client.next_result()
        await bob.delete(f"/tasks/{task['id']}")
        deleted = await client.next_result()

    task_data = {"title": "Write", "project": {"name": "P", "tasks": [{"title": "Write"}]}}
    unchanged = {
        "__typename": "TaskChanged",
        "title": "Write",
        "assignee": {"name": "Ada"},
        "changedBy": {"name": "Bob"},
    }
    assert created == {**unchanged, "what": "created", "task": task_data, "gone": {"id": task["id"]}}
    assert deleted == {**unchanged, "what": "deleted", "task": None, "gone": None}
    assert list(created) == ["__typename", "what", "title", "assignee", "task", "changedBy", "gone"]


async def test_subscriber_receives_changes_of_members(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    query = """subscription ($id: ID!) {
      memberChanged(projectId: $id) { action userId role user { name email } member { role } }
    }"""
    async with subscribed_client(address, user, query, project) as client:
        bob = await users.create_member(project, user, "viewer", "Bob")
        results = [await client.next_result()]
        await user.put(f"/projects/{project['id']}/members/{bob.id}", {"role": "member"})
        results.append(await client.next_result())
        await user.create_task(project)
        await user.delete(f"/projects/{project['id']}/members/{bob.id}")
        results.append(await client.next_result())

    assert [result["action"] for result in results] == ["created", "updated", "deleted"]
    assert [result["role"] for result in results] == ["viewer", "member", "member"]
    assert {result["userId"] for result in results} == {str(bob.id)}
    assert [result["user"]["email"] for result in results] == [bob.email, bob.email, None]
    assert results[2]["member"] is None


async def test_notification_is_sent_to_its_user_only(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    query = "subscription { notificationAdded { type title data notification { readAt } changedBy { name } } }"
    bob = await users.create_member(project, user, "member", "Bob")
    async with ws_client(address, bob) as member_client, ws_client(address, user) as owner_client:
        await member_client.start_subscription(query)
        await owner_client.start_subscription(query)
        task = await user.create_task(project, title="Write", assigneeId=str(bob.id))

        notification = await member_client.next_result()
        assert await owner_client.receives_nothing()
        first = (await bob.get("/notifications")).json()["data"][0]
        await bob.put(f"/notifications/{first['id']}", {"read": True})
        assert await member_client.receives_nothing()

    assert (notification["type"], notification["title"]) == ("assigned", "Write")
    assert task["id"] == notification["data"]["taskId"]
    assert (notification["notification"], notification["changedBy"]) == ({"readAt": None}, {"name": "Ada"})


@pytest.mark.parametrize("relations", ["", "user { name } project { name }"])
async def test_cursor_is_sent_to_the_other_users_of_the_project(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any], relations: str
) -> None:
    query = f"subscription ($id: ID!) {{ cursorMoved(projectId: $id) {{ userId position at {relations} }} }}"
    bob = await users.create_member(project, user, "viewer", "Bob")
    elsewhere = await user.create_project()
    async with ws_client(address, user) as owner_client, live_ws_client(address, bob) as member_client:
        await owner_client.start_subscription(query, project_variables(project))
        await owner_client.start_subscription(query, project_variables(elsewhere))
        await member_client.join(project)
        await member_client.send("cursor_position", position={"x": 1.5})

        cursor_event = await owner_client.next_result()
        assert await owner_client.receives_nothing()

    assert (cursor_event["userId"], cursor_event["position"]) == (str(bob.id), {"x": 1.5})
    assert cursor_event["at"].endswith("Z")
    assert not relations or (
        cursor_event["user"],
        cursor_event["project"],
    ) == ({"name": "Bob"}, {"name": "P"})


async def test_only_the_latest_cursor_of_each_user_stays_pending(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    query = "subscription ($id: ID!) { cursorMoved(projectId: $id) { position user { name } } }"
    bob = await users.create_member(project, user, "viewer", "Bob")
    async with ws_client(address, user) as owner_client, live_ws_client(address, bob) as member_client:
        await owner_client.start_subscription(query, project_variables(project))
        await member_client.join(project)
        for index in range(200):
            await member_client.send("cursor_position", position=index)
        positions: list[int] = []
        while not positions or positions[-1] != 199:
            positions.append((await owner_client.next_result())["position"])

    assert sorted(positions) == positions


async def test_rolled_back_write_sends_no_event(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        task = await user.create_task(project)
        await client.next_result()
        await user.put(f"/tasks/{task['id']}", {"assigneeId": "00000000-0000-0000-0000-000000000001"})
        await user.put(f"/tasks/{task['id']}", {"title": task["title"]})

        assert await client.receives_nothing()


async def test_events_with_queries_keep_their_order(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(
        address,
        user,
        "subscription ($id: ID!) { taskChanged(projectId: $id) { title assignee { id } } }",
        project,
    ) as client:
        await asyncio.gather(*(user.create_task(project, title=str(number)) for number in range(30)))
        rows = (await user.get(f"/projects/{project['id']}/tasks?limit=50&sort=createdAt")).json()["data"]
        titles = [(await client.next_result())["title"] for _ in range(30)]

    assert sorted(row["title"] for row in rows) == sorted(titles)

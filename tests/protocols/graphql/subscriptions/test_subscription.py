"""What subscriptions tell, and what is refused."""

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
from tests.protocols.graphql.requests import error_codes
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_every_change_of_a_task_is_told_as_it_was_left(
    address: str, user: ApiUser, project: dict[str, Any]
) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        task = await user.create_task(project, title="Write", tags=["a", 'ü"'])
        await user.put(f"/tasks/{task['id']}", {"status": "done", "assigneeId": str(user.id)})
        await user.delete(f"/tasks/{task['id']}")

        results = [await client.next_result() for _ in range(3)]

    unchanged = {"id": task["id"], "title": "Write", "tags": ["a", 'ü"']}
    assert [{name: value for name, value in one.items() if name != "position"} for one in results] == [
        {"action": "created", **unchanged, "status": "todo", "assigneeId": None},
        {"action": "updated", **unchanged, "status": "done", "assigneeId": str(user.id)},
        {"action": "deleted", **unchanged, "status": "done", "assigneeId": str(user.id)},
    ]
    assert len({one["position"] for one in results}) == 3


async def test_ways_on_are_asked_with_each_change(
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


async def test_members_are_told_as_they_come_and_go(
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

    assert [one["action"] for one in results] == ["created", "updated", "deleted"]
    assert [one["role"] for one in results] == ["viewer", "member", "member"]
    assert {one["userId"] for one in results} == {str(bob.id)}
    assert [one["user"]["email"] for one in results] == [bob.email, bob.email, None]
    assert None is results[2]["member"]


async def test_notifications_are_told_to_their_person_alone(
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

    assert ("assigned", "Write") == (notification["type"], notification["title"])
    assert task["id"] == notification["data"]["taskId"]
    assert ({"readAt": None}, {"name": "Ada"}) == (notification["notification"], notification["changedBy"])


@pytest.mark.parametrize("ways", ["", "user { name } project { name }"])
async def test_cursors_are_told_to_the_others_in_the_project(
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

    assert (str(bob.id), {"x": 1.5}) == (cursor_event["userId"], cursor_event["position"])
    assert cursor_event["at"].endswith("Z")
    assert not relations or ({"name": "Bob"}, {"name": "P"}) == (
        cursor_event["user"],
        cursor_event["project"],
    )


async def test_only_the_latest_cursor_of_each_person_waits(
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


async def test_positions_bring_what_was_missed(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        await user.create_task(project, title="1")
        since = (await client.next_result())["position"]
    for title in ("2", "3"):
        await user.create_task(project, title=title)
    async with ws_client(address, user) as client:
        await client.subscribe(TASK_CHANGED, {**project_variables(project), "since": since})
        missed = [(await client.next_result())["title"] for _ in range(2)]
        await client.subscribe(TASK_CHANGED, {**project_variables(project), "since": "junk"})
        junk = await client.next_error_codes()
        await client.subscribe(TASK_CHANGED, {**project_variables(await user.create_project()), "since": since})
        foreign = await client.next_error_codes()

    assert missed == ["2", "3"]
    assert (["BAD_REQUEST"], ["BAD_REQUEST"]) == (junk, foreign)


async def test_a_rollback_tells_nothing(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        task = await user.create_task(project)
        await client.next_result()
        await user.put(f"/tasks/{task['id']}", {"assigneeId": "00000000-0000-0000-0000-000000000001"})
        await user.put(f"/tasks/{task['id']}", {"title": task["title"]})

        assert await client.receives_nothing()


async def test_over_plain_http_a_subscription_says_what_it_needs(user: ApiUser, project: dict[str, Any]) -> None:
    assert await error_codes(user, TASK_CHANGED, id=project["id"]) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { a: notificationAdded { id } b: notificationAdded { id } }",
        "subscription { notificationAdded { id } __typename }",
        "subscription { __typename }",
        "subscription ($no: Boolean = false) { notificationAdded @include(if: $no) { id } }",
        "subscription { ...F } fragment F on Subscription { a: notificationAdded { id } b: nothing }",
        "subscription { taskChanged { id } }",
        "subscription { notificationAdded { " + " ".join(f"a{n}: id" for n in range(200)) + " } }",
        "subscription { notificationAdded { user { ownedProjects(limit: 50) { tasks(limit: 50) { id }}}}}",
        "subscription { notificationAdded { " + " ".join(f"a{n}: user {{ id }}" for n in range(21)) + " } }",
        "subscription { nothing { id } }",
        "subscription { notificationAdded { id ",
        "subscription A { notificationAdded { id } } subscription B { notificationAdded { id } }",
    ],
)
async def test_documents_that_ask_for_too_much_are_refused(address: str, user: ApiUser, query: str) -> None:
    async with ws_client(address, user) as client:
        await client.subscribe(query)

        assert set(await client.next_error_codes()) == {"BAD_REQUEST"}
        await client.subscribe("{ __typename }")
        assert await client.next_result() == "Query"


async def test_order_holds_where_each_answer_is_asked(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(
        address,
        user,
        "subscription ($id: ID!) { taskChanged(projectId: $id) { title assignee { id } } }",
        project,
    ) as client:
        await asyncio.gather(*(user.create_task(project, title=str(number)) for number in range(30)))
        rows = (await user.get(f"/projects/{project['id']}/tasks?limit=50&sort=createdAt")).json()["data"]
        titles = [(await client.next_result())["title"] for _ in range(30)]

    assert sorted(one["title"] for one in rows) == sorted(titles)

"""What a `/ws` socket receives and may do: events, updates, cursors, resuming; and what outsiders do not receive."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.conditions import SOON_S
from tests.live_server import OwnerSql, ws_client
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_rest_change_reaches_a_joined_client(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as client:
        version = await client.join(project)
        task = await user.create_task(project, title="Write")

        message = await client.receive("task_created")

        assert message["task"] == task
        assert message["projectId"] == project["id"]
        assert message["userId"] == str(user.id)
        assert message["version"] == version + 1
        assert abs(time.time() * 1000 - message["timestamp"]) < 60_000


async def test_update_message_is_acknowledged_and_reaches_all_members(
    address: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    viewer = await users.create_member(project, user, "viewer")
    task = await user.create_task(project)
    async with ws_client(address, user) as owner_client, ws_client(address, viewer) as viewer_client:
        await owner_client.join(project)
        await viewer_client.join(project)
        await owner_client.send("task_update", taskId=task["id"], data={"status": "done"}, ref="r1")

        messages = {
            message["type"]: message for message in (await owner_client.receive(), await owner_client.receive())
        }
        event = await viewer_client.receive("task_updated")

        assert messages["ack"]["ref"] == "r1"
        assert event["version"] == messages["ack"]["version"]
        assert event == messages["task_updated"]
        assert event["task"]["status"] == "done"
        assert (await user.get(f"/tasks/{task['id']}")).json()["data"] == event["task"]


async def test_authorization_is_the_same_as_over_rest(address: str, users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    viewer, outsider = await users.create_member(project, user, "viewer"), await users.create("Eve")
    task = await user.create_task(project)
    for caller, code in ((viewer, "FORBIDDEN"), (outsider, "NOT_FOUND")):
        async with ws_client(address, caller) as client:
            await client.send("task_update", taskId=task["id"], data={"status": "done"}, ref=7)
            error = await client.receive("error")

            assert (error["code"], error["ref"]) == (code, 7)
    async with ws_client(address, outsider) as client:
        await client.send("join", projectId=project["id"])

        assert (await client.receive("error"))["code"] == "NOT_FOUND"


async def test_outsider_receives_no_event_not_even_deletions(address: str, users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    outsider = await users.create("Eve")
    own_project = await outsider.create_project()
    async with ws_client(address, outsider) as client:
        await client.join(own_project)
        await client.send("join", projectId=project["id"])
        await client.receive("error")
        task = await user.create_task(project)
        await user.delete(f"/tasks/{task['id']}")
        await user.delete(f"/projects/{project['id']}")

        assert await client.receives_nothing(1.3)


async def test_removed_member_receives_removed_and_no_later_event(
    address: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    async with ws_client(address, member) as client:
        await client.join(project)
        started_at = time.monotonic()
        await user.delete(f"/projects/{project['id']}/members/{member.id}")
        await user.create_task(project)

        assert (await client.receive("member_deleted"))["memberId"] == str(member.id)
        assert (await client.receive("removed"))["projectId"] == project["id"]
        assert time.monotonic() - started_at < SOON_S
        assert await client.receives_nothing()
        await client.send("cursor_position", projectId=project["id"], position={"x": 1})
        assert (await client.receive("error"))["code"] == "NOT_FOUND"


@pytest.mark.parametrize("reason", ["signed out", "banned", "deleted"])
async def test_socket_closes_when_its_session_ends(
    address: str, users: UserFactory, user: ApiUser, reason: str
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    async with ws_client(address, member) as client, ws_client(address, user) as owner_client:
        await client.join(project)
        started_at = time.monotonic()
        if reason == "signed out":
            await users.end_session(member)
        elif reason == "banned":
            await users.ban(member)
        else:
            assert (await member.delete("/users/me")).status_code == 204

        assert (await client.wait_closed())[0] == 4401
        assert time.monotonic() - started_at < SOON_S
        await owner_client.send("ping")
        assert (await owner_client.receive("error"))["code"] == "BAD_REQUEST"


async def test_events_of_a_project_deletion_are_delivered(address: str, users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    await user.create_task(project)
    async with ws_client(address, member) as client:
        await client.join(project)
        await user.delete(f"/projects/{project['id']}")

        types = [(await client.receive())["type"] for _ in range(4)]

        assert sorted(types, key=["project_deleted", "member_deleted", "task_deleted"].index) == [
            "project_deleted",
            "member_deleted",
            "member_deleted",
            "task_deleted",
        ]
        assert types[0] == "project_deleted"


async def test_renamed_user_is_announced_in_shared_projects(address: str, users: UserFactory, user: ApiUser) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    async with ws_client(address, user) as client:
        await client.join(project)
        await member.put("/users/me", {"name": "Robert"})

        message = await client.receive("user_updated")

        assert message["user"]["name"] == "Robert"
        assert "email" not in message["user"]


async def test_cursor_position_reaches_the_other_members_only(address: str, users: UserFactory, user: ApiUser) -> None:
    project, other_project = await user.create_project(), await user.create_project()
    viewer = await users.create_member(project, user, "viewer")
    async with (
        ws_client(address, user) as owner_client,
        ws_client(address, viewer) as viewer_client,
        ws_client(address, user) as other_client,
    ):
        await owner_client.join(project)
        await viewer_client.join(project)
        await other_client.join(other_project)
        await owner_client.send("cursor_position", position={"x": 1, "y": 2})

        message = await viewer_client.receive("cursor_update")

        assert (message["userId"], message["projectId"]) == (str(user.id), project["id"])
        assert message["position"] == {"x": 1, "y": 2}
        assert isinstance(message["timestamp"], int)
        assert await owner_client.receives_nothing()
        assert await other_client.receives_nothing()


async def test_resume_replays_missed_events_once_and_in_order(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as client:
        version = await client.join(project)
    for number in range(5):
        await user.create_task(project, title=f"Missed {number}")
    async with ws_client(address, user) as client:
        await client.send("resume", projectId=project["id"], version=version)
        resumed = await client.receive("resumed")
        await user.create_task(project, title="Live")

        events = [await client.receive("task_created") for _ in range(6)]

        assert resumed["version"] == version + 5
        assert [event["task"]["title"] for event in events] == [*(f"Missed {number}" for number in range(5)), "Live"]
        assert [event["version"] for event in events] == list(range(version + 1, version + 7))


async def test_resume_from_an_unknown_version_answers_ask_again(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as client:
        await client.send("resume", projectId=project["id"], version=1_000_000)

        assert (await client.receive("ask_again"))["projectId"] == project["id"]
        task = await user.create_task(project)
        assert (await client.receive("task_created"))["task"] == task


async def test_update_without_a_change_sends_no_event(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="Same")
    async with ws_client(address, user) as client:
        await client.join(project)
        await user.put(f"/tasks/{task['id']}", {"title": "Same"})

        assert await client.receives_nothing()


async def test_writes_by_other_programs_arrive_within_a_second(
    address: str, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as client:
        await client.join(project)
        await owner_sql(
            "insert into public.tasks (project_id, title) select $1, 'By psql ' || n from generate_series(1, 3) n",
            project["id"],
        )

        events = [await client.receive("task_created") for _ in range(3)]

        assert {event["task"]["title"] for event in events} == {"By psql 1", "By psql 2", "By psql 3"}
        assert [event["userId"] for event in events] == [None] * 3


async def test_all_sockets_of_a_user_receive_events(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as first_client, ws_client(address, user) as second_client:
        await asyncio.gather(first_client.join(project), second_client.join(project))
        task = await user.create_task(project)

        assert (await first_client.receive("task_created"))["task"] == task
        assert (await second_client.receive("task_created"))["task"] == task

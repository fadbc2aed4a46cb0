"""What sockets of `/ws` hear of changes, and what outsiders do not."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.live import OwnerSql, line
from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def test_a_change_by_rest_reaches_a_joined_socket(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        version = await socket.join(project)
        task = await ada.task(project, title="Write")

        heard = await socket.hear("task_created")

        assert task == heard["task"]
        assert project["id"] == heard["projectId"]
        assert str(ada.id) == heard["userId"]
        assert version + 1 == heard["version"]
        assert abs(time.time() * 1000 - heard["timestamp"]) < 60_000


async def test_an_update_by_socket_is_acknowledged_and_reaches_everybody(
    address: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "viewer")
    task = await ada.task(project)
    async with line(address, ada) as hers, line(address, bob) as his:
        await hers.join(project)
        await his.join(project)
        await hers.say("task_update", taskId=task["id"], data={"status": "done"}, ref="r1")

        told = {one["type"]: one for one in (await hers.hear(), await hers.hear())}
        heard = await his.hear("task_updated")

        assert "r1" == told["ack"]["ref"]
        assert heard["version"] == told["ack"]["version"]
        assert heard == told["task_updated"]
        assert "done" == heard["task"]["status"]
        assert (await ada.get(f"/tasks/{task['id']}")).json()["data"] == heard["task"]


async def test_rights_are_those_of_rest(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    viewer, outsider = await people.member(project, ada, "viewer"), await people.new("Eve")
    task = await ada.task(project)
    for person, code in ((viewer, "FORBIDDEN"), (outsider, "NOT_FOUND")):
        async with line(address, person) as socket:
            await socket.say("task_update", taskId=task["id"], data={"status": "done"}, ref=7)
            refused = await socket.hear("error")

            assert (code, 7) == (refused["code"], refused["ref"])
    async with line(address, outsider) as socket:
        await socket.say("join", projectId=project["id"])

        assert "NOT_FOUND" == (await socket.hear("error"))["code"]


async def test_outsiders_hear_nothing_deletions_included(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    eve = await people.new("Eve")
    own = await eve.project()
    async with line(address, eve) as socket:
        await socket.join(own)
        await socket.say("join", projectId=project["id"])
        await socket.hear("error")
        task = await ada.task(project)
        await ada.delete(f"/tasks/{task['id']}")
        await ada.delete(f"/projects/{project['id']}")

        assert await socket.hears_nothing(1.3)


async def test_the_removed_are_told_and_hear_nothing_later(address: str, people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    async with line(address, bob) as socket:
        await socket.join(project)
        started = time.monotonic()
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        await ada.task(project)

        assert str(bob.id) == (await socket.hear("member_deleted"))["memberId"]
        assert project["id"] == (await socket.hear("removed"))["projectId"]
        assert time.monotonic() - started < 1
        assert await socket.hears_nothing()
        await socket.say("cursor_position", projectId=project["id"], position={"x": 1})
        assert "NOT_FOUND" == (await socket.hear("error"))["code"]


@pytest.mark.parametrize("how", ["signed out", "banned", "deleted"])
async def test_whose_session_ends_is_cut_off(address: str, people: People, ada: Person, how: str) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    async with line(address, bob) as socket, line(address, ada) as hers:
        await socket.join(project)
        started = time.monotonic()
        if how == "signed out":
            await people.end_session(bob)
        elif how == "banned":
            await people.ban(bob)
        else:
            assert 204 == (await bob.delete("/users/me")).status_code

        assert 4401 == (await socket.closed())[0]
        assert time.monotonic() - started < 1
        await hers.say("ping")
        assert "BAD_REQUEST" == (await hers.hear("error"))["code"]


async def test_the_last_events_of_a_deleted_project_are_heard(
    address: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    await ada.task(project)
    async with line(address, bob) as socket:
        await socket.join(project)
        await ada.delete(f"/projects/{project['id']}")

        heard = [(await socket.hear())["type"] for _ in range(4)]

        assert ["project_deleted", "member_deleted", "member_deleted", "task_deleted"] == sorted(
            heard, key=["project_deleted", "member_deleted", "task_deleted"].index
        )
        assert "project_deleted" == heard[0]


async def test_a_new_name_reaches_those_who_share_a_project(
    address: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    async with line(address, ada) as socket:
        await socket.join(project)
        await bob.put("/users/me", {"name": "Robert"})

        heard = await socket.hear("user_updated")

        assert "Robert" == heard["user"]["name"]
        assert "email" not in heard["user"]


async def test_cursors_reach_the_others_in_the_project_and_nobody_else(
    address: str, people: People, ada: Person
) -> None:
    project, other = await ada.project(), await ada.project()
    bob = await people.member(project, ada, "viewer")
    async with line(address, ada) as hers, line(address, bob) as his, line(address, ada) as elsewhere:
        await hers.join(project)
        await his.join(project)
        await elsewhere.join(other)
        await hers.say("cursor_position", position={"x": 1, "y": 2})

        heard = await his.hear("cursor_update")

        assert (str(ada.id), project["id"]) == (heard["userId"], heard["projectId"])
        assert {"x": 1, "y": 2} == heard["position"]
        assert isinstance(heard["timestamp"], int)
        assert await hers.hears_nothing()
        assert await elsewhere.hears_nothing()


async def test_what_was_missed_is_heard_once_and_in_order(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        version = await socket.join(project)
    for number in range(5):
        await ada.task(project, title=f"Missed {number}")
    async with line(address, ada) as socket:
        await socket.say("resume", projectId=project["id"], version=version)
        resumed = await socket.hear("resumed")
        await ada.task(project, title="Live")

        heard = [await socket.hear("task_created") for _ in range(6)]

        assert version + 5 == resumed["version"]
        assert [*(f"Missed {number}" for number in range(5)), "Live"] == [
            one["task"]["title"] for one in heard
        ]
        assert list(range(version + 1, version + 7)) == [one["version"] for one in heard]


async def test_a_version_of_another_history_is_answered_with_ask_again(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        await socket.say("resume", projectId=project["id"], version=1_000_000)

        assert project["id"] == (await socket.hear("ask_again"))["projectId"]
        task = await ada.task(project)
        assert task == (await socket.hear("task_created"))["task"]


async def test_what_changes_nothing_is_heard_by_nobody(address: str, ada: Person) -> None:
    project = await ada.project()
    task = await ada.task(project, title="Same")
    async with line(address, ada) as socket:
        await socket.join(project)
        await ada.put(f"/tasks/{task['id']}", {"title": "Same"})

        assert await socket.hears_nothing()


async def test_writes_that_are_not_ours_are_heard_within_a_second(
    address: str, ada: Person, owner_sql: OwnerSql
) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        await socket.join(project)
        await owner_sql(
            "insert into public.tasks (project_id, title) "
            "select $1, 'By psql ' || n from generate_series(1, 3) n",
            project["id"],
        )

        heard = [await socket.hear("task_created") for _ in range(3)]

        assert {"By psql 1", "By psql 2", "By psql 3"} == {one["task"]["title"] for one in heard}
        assert [None] * 3 == [one["userId"] for one in heard]


async def test_many_sockets_of_one_person_all_hear(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as one, line(address, ada) as two:
        await asyncio.gather(one.join(project), two.join(project))
        task = await ada.task(project)

        assert task == (await one.hear("task_created"))["task"] == (await two.hear("task_created"))["task"]

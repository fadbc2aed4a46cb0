"""What subscriptions tell, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.live import line as plain_line
from tests.people import People, Person
from tests.protocols.graphql.asking import codes
from tests.protocols.graphql.sockets import TASKS, WITH_WAYS, hearing, line, of

pytestmark = pytest.mark.anyio


async def test_every_change_of_a_task_is_told_as_it_was_left(
    address: str, ada: Person, project: dict[str, Any]
) -> None:
    async with hearing(address, ada, TASKS, project) as heard:
        task = await ada.task(project, title="Write", tags=["a", 'ü"'])
        await ada.put(f"/tasks/{task['id']}", {"status": "done", "assigneeId": str(ada.id)})
        await ada.delete(f"/tasks/{task['id']}")

        told = [await heard.next() for _ in range(3)]

    known = {"id": task["id"], "title": "Write", "tags": ["a", 'ü"']}
    assert [
        {"action": "created", **known, "status": "todo", "assigneeId": None},
        {"action": "updated", **known, "status": "done", "assigneeId": str(ada.id)},
        {"action": "deleted", **known, "status": "done", "assigneeId": str(ada.id)},
    ] == [{name: value for name, value in one.items() if name != "position"} for one in told]
    assert 3 == len({one["position"] for one in told})


async def test_ways_on_are_asked_with_each_change(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    bob = await people.member(project, ada, "member", "Bob")
    async with hearing(address, ada, WITH_WAYS, project) as heard:
        task = await bob.task(project, title="Write", assigneeId=str(ada.id))
        created = await heard.next()
        await bob.delete(f"/tasks/{task['id']}")
        deleted = await heard.next()

    shown = {"title": "Write", "project": {"name": "P", "tasks": [{"title": "Write"}]}}
    known = {
        "__typename": "TaskChanged",
        "title": "Write",
        "assignee": {"name": "Ada"},
        "changedBy": {"name": "Bob"},
    }
    assert {**known, "what": "created", "task": shown, "gone": {"id": task["id"]}} == created
    assert {**known, "what": "deleted", "task": None, "gone": None} == deleted
    assert ["__typename", "what", "title", "assignee", "task", "changedBy", "gone"] == list(created)


async def test_members_are_told_as_they_come_and_go(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    query = """subscription ($id: ID!) {
      memberChanged(projectId: $id) { action userId role user { name email } member { role } }
    }"""
    async with hearing(address, ada, query, project) as heard:
        bob = await people.member(project, ada, "viewer", "Bob")
        told = [await heard.next()]
        await ada.put(f"/projects/{project['id']}/members/{bob.id}", {"role": "member"})
        told.append(await heard.next())
        await ada.task(project)
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        told.append(await heard.next())

    assert ["created", "updated", "deleted"] == [one["action"] for one in told]
    assert ["viewer", "member", "member"] == [one["role"] for one in told]
    assert {str(bob.id)} == {one["userId"] for one in told}
    assert [bob.email, bob.email, None] == [one["user"]["email"] for one in told]
    assert None is told[2]["member"]


async def test_notifications_are_told_to_their_person_alone(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    query = (
        "subscription { notificationAdded { type title data notification { readAt } changedBy { name } } }"
    )
    bob = await people.member(project, ada, "member", "Bob")
    async with line(address, bob) as his, line(address, ada) as hers:
        await his.listen(query)
        await hers.listen(query)
        task = await ada.task(project, title="Write", assigneeId=str(bob.id))

        told = await his.next()
        assert await hers.hears_nothing()
        first = (await bob.get("/notifications")).json()["data"][0]
        await bob.put(f"/notifications/{first['id']}", {"read": True})
        assert await his.hears_nothing()

    assert ("assigned", "Write") == (told["type"], told["title"])
    assert task["id"] == told["data"]["taskId"]
    assert ({"readAt": None}, {"name": "Ada"}) == (told["notification"], told["changedBy"])


@pytest.mark.parametrize("ways", ["", "user { name } project { name }"])
async def test_cursors_are_told_to_the_others_in_the_project(
    address: str, people: People, ada: Person, project: dict[str, Any], ways: str
) -> None:
    query = f"subscription ($id: ID!) {{ cursorMoved(projectId: $id) {{ userId position at {ways} }} }}"
    bob = await people.member(project, ada, "viewer", "Bob")
    elsewhere = await ada.project()
    async with line(address, ada) as hers, plain_line(address, bob) as his:
        await hers.listen(query, of(project))
        await hers.listen(query, of(elsewhere))
        await his.join(project)
        await his.say("cursor_position", position={"x": 1.5})

        told = await hers.next()
        assert await hers.hears_nothing()

    assert (str(bob.id), {"x": 1.5}) == (told["userId"], told["position"])
    assert told["at"].endswith("Z")
    assert not ways or ({"name": "Bob"}, {"name": "P"}) == (told["user"], told["project"])


async def test_only_the_latest_cursor_of_each_person_waits(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    query = "subscription ($id: ID!) { cursorMoved(projectId: $id) { position user { name } } }"
    bob = await people.member(project, ada, "viewer", "Bob")
    async with line(address, ada) as hers, plain_line(address, bob) as his:
        await hers.listen(query, of(project))
        await his.join(project)
        for place in range(200):
            await his.say("cursor_position", position=place)
        told: list[int] = []
        while not told or told[-1] != 199:
            told.append((await hers.next())["position"])

    assert sorted(told) == told


async def test_positions_bring_what_was_missed(address: str, ada: Person, project: dict[str, Any]) -> None:
    async with hearing(address, ada, TASKS, project) as heard:
        await ada.task(project, title="1")
        since = (await heard.next())["position"]
    for title in ("2", "3"):
        await ada.task(project, title=title)
    async with line(address, ada) as heard:
        await heard.subscribe(TASKS, {**of(project), "since": since})
        missed = [(await heard.next())["title"] for _ in range(2)]
        await heard.subscribe(TASKS, {**of(project), "since": "junk"})
        junk = await heard.error()
        await heard.subscribe(TASKS, {**of(await ada.project()), "since": since})
        foreign = await heard.error()

    assert ["2", "3"] == missed
    assert (["BAD_REQUEST"], ["BAD_REQUEST"]) == (junk, foreign)


async def test_a_rollback_tells_nothing(address: str, ada: Person, project: dict[str, Any]) -> None:
    async with hearing(address, ada, TASKS, project) as heard:
        task = await ada.task(project)
        await heard.next()
        await ada.put(f"/tasks/{task['id']}", {"assigneeId": "00000000-0000-0000-0000-000000000001"})
        await ada.put(f"/tasks/{task['id']}", {"title": task["title"]})

        assert await heard.hears_nothing()


async def test_over_plain_http_a_subscription_says_what_it_needs(
    ada: Person, project: dict[str, Any]
) -> None:
    assert ["BAD_REQUEST"] == await codes(ada, TASKS, id=project["id"])


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
async def test_documents_that_ask_for_too_much_are_refused(address: str, ada: Person, query: str) -> None:
    async with line(address, ada) as heard:
        await heard.subscribe(query)

        assert {"BAD_REQUEST"} == set(await heard.error())
        await heard.subscribe("{ __typename }")
        assert "Query" == await heard.next()


async def test_order_holds_where_each_answer_is_asked(
    address: str, ada: Person, project: dict[str, Any]
) -> None:
    async with hearing(
        address,
        ada,
        "subscription ($id: ID!) { taskChanged(projectId: $id) { title assignee { id } } }",
        project,
    ) as heard:
        await asyncio.gather(*(ada.task(project, title=str(number)) for number in range(30)))
        rows = (await ada.get(f"/projects/{project['id']}/tasks?limit=50&sort=createdAt")).json()["data"]
        told = [(await heard.next())["title"] for _ in range(30)]

    assert sorted(one["title"] for one in rows) == sorted(told)

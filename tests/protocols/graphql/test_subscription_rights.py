"""Who hears what a subscription tells, when that ends, and what many hearers cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from monynha.infra.postgres.database import Acting
from tests.live import line as plain_line
from tests.people import People, Person
from tests.protocols.graphql.sockets import TASKS, WITH_WAYS, hearing, line, of

pytestmark = pytest.mark.anyio


async def test_strangers_learn_nothing(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    cursors = "subscription ($id: ID!) { cursorMoved(projectId: $id) { position } }"
    async with line(address, await people.new("Eve")) as eve, line(address, people.nobody()) as nobody:
        for query in (TASKS, WITH_WAYS, cursors):
            for id in (project["id"], "00000000-0000-0000-0000-000000000000", "junk"):
                await eve.subscribe(query, {"id": id})
                assert ["NOT_FOUND"] == await eve.error()
            await nobody.subscribe(query, of(project))
            assert ["UNAUTHENTICATED"] == await nobody.error()
        await ada.task(project)

        assert await eve.hears_nothing()


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
async def test_whoever_sees_the_project_hears_it(
    address: str, people: People, ada: Person, project: dict[str, Any], role: str
) -> None:
    person = await people.member(project, ada, role)
    async with hearing(address, person, TASKS, project) as heard:
        await ada.task(project, title="T")

        assert "T" == (await heard.next())["title"]


async def test_admins_hear_every_project(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    async with hearing(address, await people.new("Root", is_admin=True), WITH_WAYS, project) as heard:
        await ada.task(project, title="T")

        assert "T" == (await heard.next())["task"]["title"]


@pytest.mark.parametrize("query", [TASKS, WITH_WAYS])
async def test_the_removed_are_told_so_within_a_second_and_hear_no_more(
    address: str, people: People, ada: Person, project: dict[str, Any], query: str
) -> None:
    bob = await people.member(project, ada, "member")
    async with hearing(address, bob, query, project) as his:
        started = time.monotonic()
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        await ada.task(project, title="secret")

        assert ["NOT_FOUND"] == await his.error()
        assert time.monotonic() - started < 1
        assert await his.hears_nothing()
        await his.subscribe(query, of(project))
        assert ["NOT_FOUND"] == await his.error()


async def test_the_removed_hear_no_cursor(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    bob = await people.member(project, ada, "member")
    async with line(address, bob) as his, plain_line(address, ada) as hers:
        await his.listen("subscription ($id: ID!) { cursorMoved(projectId: $id) { position } }", of(project))
        await hers.join(project)
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        assert ["NOT_FOUND"] == await his.error()
        await hers.say("cursor_position", position=1)

        assert await his.hears_nothing()


async def test_a_deleted_project_ends_its_subscriptions(
    address: str, ada: Person, project: dict[str, Any]
) -> None:
    task = await ada.task(project)
    async with hearing(address, ada, TASKS, project) as heard:
        await ada.delete(f"/projects/{project['id']}")
        deleted = await heard.next()

        assert ("deleted", task["id"]) == (deleted["action"], deleted["id"])
        assert ["NOT_FOUND"] == await heard.error()


async def test_what_is_read_through_a_view_is_asked_for_each_hearer(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    query = """subscription ($id: ID!) {
      taskChanged(projectId: $id) { project { myRole } task { project { members { role } } } }
    }"""
    bob = await people.member(project, ada, "viewer")
    async with line(address, ada) as hers, line(address, bob) as his:
        await hers.listen(query, of(project))
        await his.listen(query, of(project))
        await ada.task(project)

        assert "owner" == (await hers.next())["project"]["myRole"]
        assert "viewer" == (await his.next())["project"]["myRole"]


ONE = "subscription ($id: ID!) { taskChanged(projectId: $id) { SHOWN } }"


@pytest.mark.parametrize(
    ("shown", "statements"),
    [
        ("action id title status tags", 0),
        ("title assignee { name } task { project { name members { user { name } } } }", 1),
        ("title project { myRole }", 5),
        ("title assignee { email }", 5),
        ("title assignee { assignedTasks { id } }", 5),
    ],
)
async def test_many_hearers_cost_no_more_statements_than_their_shapes_need(
    address: str,
    people: People,
    ada: Person,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    shown: str,
    statements: int,
) -> None:
    crew = [await people.member(project, ada, "viewer", f"V{number}") for number in range(5)]
    asked: list[str] = []
    real = Acting.ask

    async def counted(self: Acting, statement: str, binds: Sequence[object]) -> bytes | None:
        asked.append(statement)
        return await real(self, statement, binds)

    async with AsyncExitStack() as held:
        lines = [await held.enter_async_context(line(address, crew[number % 5])) for number in range(20)]
        for heard in lines:
            await heard.listen(ONE.replace("SHOWN", shown), of(project))
        monkeypatch.setattr(Acting, "ask", counted)
        await ada.task(project, title="T", assigneeId=str(ada.id))
        told = [await heard.next() for heard in lines]

    assert {"T"} == {one["title"] for one in told}
    assert statements == len(asked)


async def test_who_lost_the_right_a_moment_ago_spoils_nothing_for_the_others(
    address: str, people: People, ada: Person, project: dict[str, Any]
) -> None:
    for _ in range(5):
        bob = await people.member(project, ada, "member", "Bob")
        async with line(address, bob) as his, line(address, ada) as hers:
            for heard in (his, hers):
                await heard.listen(WITH_WAYS, of(project))
            await asyncio.gather(
                ada.delete(f"/projects/{project['id']}/members/{bob.id}"), ada.task(project, title="T")
            )

            assert "T" == (await hers.next())["task"]["title"]
            while (last := await his.hear())["type"] == "next":
                assert "T" == last["payload"]["data"]["taskChanged"]["title"]
            assert "error" == last["type"]

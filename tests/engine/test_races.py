"""Races: transactions that stand in each other's way are tried again, and nobody hears of it."""

from __future__ import annotations

import asyncio
import random

import pytest

from monynha.core.errors import Unavailable
from monynha.engine.mutate import _retried
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.faults import Retry
from tests.casts import cast
from tests.people import People

pytestmark = pytest.mark.anyio


async def test_a_deadlock_is_tried_again(people: People, database: Database) -> None:
    of = await cast(people)
    task = await of.owner.task(of.project)

    async with database.acting(of.owner.actor).transaction() as transaction:
        await transaction.run("update public.tasks set title = 'Held' where id = $1", task["id"])
        # It holds the project, and waits for the task that is held here.
        deleting = asyncio.create_task(of.owner.delete(of.path))
        await asyncio.sleep(0.3)
        # This closes the ring; the one that has waited longer looks for rings first, and gives way.
        await transaction.run("update public.projects set name = 'Held' where id = $1", of.project["id"])
        assert not deleting.done()
    answer = await deleting

    assert 204 == answer.status_code
    assert 404 == (await of.owner.get(of.path)).status_code


async def test_what_loses_every_race_is_told_to_come_again() -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise Retry

    with pytest.raises(Unavailable) as caught:
        await _retried(attempt)
    assert 4 == tries
    assert ("Retry-After", "1") in caught.value.headers


async def test_a_project_in_turmoil_stays_right(people: People) -> None:
    of = await cast(people)
    members = [await of.actor("member") for _ in range(4)]
    chance = random.Random(11)
    statuses: list[int] = []

    async def deed() -> None:
        who, whom = chance.choice([of.owner, *members]), chance.choice(members)
        method, path, body = chance.choice(
            [
                ("POST", f"{of.path}/tasks", {"title": "x", "assigneeId": str(whom.id)}),
                (
                    "PUT",
                    f"{of.path}/members/{whom.id}",
                    {"role": chance.choice(["viewer", "admin", "owner"])},
                ),
                ("DELETE", f"{of.path}/members/{whom.id}", None),
                ("POST", f"{of.path}/members", {"userId": str(whom.id), "role": "member"}),
                ("PUT", of.path, {"name": f"N{chance.random()}"}),
                ("PUT", of.path, {"status": chance.choice(["active", "archived"])}),
                ("GET", f"{of.path}?include=members.user,tasks.assignee,owner", None),
            ]
        )
        statuses.append((await who.ask(method, path, json=body)).status_code)

    await asyncio.gather(*(deed() for _ in range(400)))

    assert {status for status in statuses if status >= 500} == set()
    admin = await people.new("Admin", is_admin=True)
    project = (await admin.get(f"{of.path}?include=members,tasks")).json()["data"]
    inside = {one["userId"]: one["role"] for one in project["members"]}
    assert [project["ownerId"]] == [user for user, role in inside.items() if role == "owner"]
    assert {one["assigneeId"] for one in project["tasks"]} <= {None, *inside}


async def test_changes_at_once_are_each_a_version(people: People) -> None:
    of = await cast(people)
    path = f"/tasks/{(await of.owner.task(of.project))['id']}"
    tag = (await of.owner.get(path)).headers["etag"]

    plain = await asyncio.gather(*(of.owner.put(path, {"title": f"T{count}"}) for count in range(10)))
    stale = await asyncio.gather(
        *(of.owner.put(path, {"title": f"S{count}"}, headers={"If-Match": tag}) for count in range(10))
    )

    assert {200} == {answer.status_code for answer in plain}
    assert 10 == len({answer.headers["etag"] for answer in plain})
    assert {412} == {answer.status_code for answer in stale}


async def test_of_writers_at_one_version_one_wins(people: People) -> None:
    of = await cast(people)
    path = f"/tasks/{(await of.owner.task(of.project))['id']}"
    for _ in range(5):
        tag = (await of.owner.get(path)).headers["etag"]
        answers = await asyncio.gather(
            *(of.owner.put(path, {"title": f"{tag} {n}"}, headers={"If-Match": tag}) for n in range(8))
        )
        assert [200] + [412] * 7 == sorted(answer.status_code for answer in answers)


async def test_a_change_beside_a_delete_is_found_or_not(people: People) -> None:
    of = await cast(people)
    for _ in range(10):
        path = f"/tasks/{(await of.owner.task(of.project))['id']}"
        gone, *changed = await asyncio.gather(
            of.owner.delete(path), *(of.owner.put(path, {"title": "x"}) for _ in range(4))
        )
        assert 204 == gone.status_code
        assert {answer.status_code for answer in changed} <= {200, 404}


async def test_who_is_assigned_while_leaving_is_in_or_unassigned(people: People) -> None:
    of = await cast(people)
    for _ in range(10):
        member = await of.actor("member")
        made, left = await asyncio.gather(
            of.owner.post(f"{of.path}/tasks", {"title": "x", "assigneeId": str(member.id)}),
            member.delete(f"{of.path}/members/me"),
        )
        assert (204, True) == (left.status_code, made.status_code in (201, 422))
    tasks = (await of.owner.get(f"{of.path}/tasks")).json()["data"]
    assert {None} >= {one["assigneeId"] for one in tasks}


async def test_who_is_added_while_the_owner_goes_keeps_the_project_or_is_not_in(people: People) -> None:
    admin = await people.new("Admin", is_admin=True)
    for _ in range(10):
        of, grace = await cast(people), await people.new("Grace")
        gone, added = await asyncio.gather(
            of.owner.delete("/users/me"),
            admin.post(f"{of.path}/members", {"userId": str(grace.id)}),
        )
        assert (gone.status_code, added.status_code) in {(204, 404), (204, 422), (409, 201)}
        assert (200 if gone.status_code == 409 else 404) == (await grace.get(of.path)).status_code

"""Writes: what they return of their own row, and how concurrent ones are retried and stay consistent."""

from __future__ import annotations

import asyncio
import random

import pytest

from monynha.app.catalog import CATALOG
from monynha.engine.mutation.mutations import stored_fields
from monynha.engine.query.selection import SelectedField, SelectedRelation, Selection
from monynha.infra.postgres.database import Database
from tests.conditions import wait_until_blocked
from tests.live_server import OwnerSql
from tests.project_team import create_project_team
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

PROJECTS, TASKS, USERS = (CATALOG.resources[name] for name in ("projects", "tasks", "users"))
ASSIGNEE = SelectedRelation("assignee", CATALOG.relations_of(TASKS)["assignee"], Selection(USERS, ("id",)))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(TASKS, TASKS.field_names), ()),
        (Selection(TASKS, ("id", "title")), (SelectedField("id", "id"), SelectedField("title", "title"))),
        (Selection(TASKS, (SelectedField("a", "id"),)), (SelectedField("a", "id"),)),
        (Selection(PROJECTS, ("id",)), (SelectedField("id", "id"),)),
        (Selection(PROJECTS, PROJECTS.field_names), None),
        (Selection(PROJECTS, ("id", "myRole")), None),
        (Selection(USERS, ("email",)), None),
        (Selection(TASKS, ("id",), (ASSIGNEE,)), None),
        (Selection(TASKS, ()), None),
    ],
)
def test_write_returns_what_its_row_stores(selection: Selection, expected: tuple[SelectedField, ...] | None) -> None:
    assert stored_fields(selection) == expected


async def test_deadlock_is_retried(users: UserFactory, database: Database, owner_sql: OwnerSql) -> None:
    team = await create_project_team(users)
    task = await team.owner.create_task(team.project)

    async with database.as_actor(team.owner.actor).transaction() as transaction:
        await transaction.execute("update public.tasks set title = 'Held' where id = $1", task["id"])
        # It locks the project, and waits for the task that is locked here.
        deleting = asyncio.create_task(team.owner.delete(team.path))
        await wait_until_blocked(owner_sql, 1)
        # This completes the deadlock; the transaction that has waited longer detects it first, and is rolled back.
        await transaction.execute("update public.projects set name = 'Held' where id = $1", team.project["id"])
        assert not deleting.done()
    response = await deleting

    assert response.status_code == 204
    assert (await team.owner.get(team.path)).status_code == 404


async def test_concurrent_writes_keep_a_project_consistent(users: UserFactory) -> None:
    team = await create_project_team(users)
    members = [await team.actor("member") for _ in range(4)]
    rng = random.Random(11)
    statuses: list[int] = []

    async def random_operation() -> None:
        actor, target = rng.choice([team.owner, *members]), rng.choice(members)
        method, path, body = rng.choice(
            [
                ("POST", f"{team.path}/tasks", {"title": "x", "assigneeId": str(target.id)}),
                (
                    "PUT",
                    f"{team.path}/members/{target.id}",
                    {"role": rng.choice(["viewer", "admin", "owner"])},
                ),
                ("DELETE", f"{team.path}/members/{target.id}", None),
                ("POST", f"{team.path}/members", {"userId": str(target.id), "role": "member"}),
                ("PUT", team.path, {"name": f"N{rng.random()}"}),
                ("PUT", team.path, {"status": rng.choice(["active", "archived"])}),
                ("GET", f"{team.path}?include=members.user,tasks.assignee,owner", None),
            ]
        )
        statuses.append((await actor.request(method, path, json=body)).status_code)

    await asyncio.gather(*(random_operation() for _ in range(400)))

    assert {status for status in statuses if status >= 500} == set()
    admin = await users.create("Admin", is_admin=True)
    project = (await admin.get(f"{team.path}?include=members,tasks")).json()["data"]
    role_by_user = {member["userId"]: member["role"] for member in project["members"]}
    assert [user for user, role in role_by_user.items() if role == "owner"] == [project["ownerId"]]
    assert {task["assigneeId"] for task in project["tasks"]} <= {None, *role_by_user}


async def test_concurrent_updates_each_get_a_version(users: UserFactory) -> None:
    team = await create_project_team(users)
    path = f"/tasks/{(await team.owner.create_task(team.project))['id']}"
    tag = (await team.owner.get(path)).headers["etag"]

    plain = await asyncio.gather(*(team.owner.put(path, {"title": f"T{count}"}) for count in range(10)))
    stale = await asyncio.gather(
        *(team.owner.put(path, {"title": f"S{count}"}, headers={"If-Match": tag}) for count in range(10))
    )

    assert {answer.status_code for answer in plain} == {200}
    assert len({answer.headers["etag"] for answer in plain}) == 10
    assert {answer.status_code for answer in stale} == {412}


async def test_one_of_concurrent_writers_at_a_version_succeeds(users: UserFactory) -> None:
    team = await create_project_team(users)
    path = f"/tasks/{(await team.owner.create_task(team.project))['id']}"
    for _ in range(5):
        tag = (await team.owner.get(path)).headers["etag"]
        responses = await asyncio.gather(
            *(team.owner.put(path, {"title": f"{tag} {n}"}, headers={"If-Match": tag}) for n in range(8))
        )
        assert sorted(answer.status_code for answer in responses) == [200] + [412] * 7


async def test_update_concurrent_with_a_delete_succeeds_or_is_not_found(users: UserFactory) -> None:
    team = await create_project_team(users)
    for _ in range(10):
        path = f"/tasks/{(await team.owner.create_task(team.project))['id']}"
        deleted, *changed = await asyncio.gather(
            team.owner.delete(path), *(team.owner.put(path, {"title": "x"}) for _ in range(4))
        )
        assert deleted.status_code == 204
        assert {answer.status_code for answer in changed} <= {200, 404}


async def test_member_assigned_while_leaving_is_not_left_assigned(users: UserFactory) -> None:
    team = await create_project_team(users)
    for _ in range(10):
        member = await team.actor("member")
        created, left = await asyncio.gather(
            team.owner.post(f"{team.path}/tasks", {"title": "x", "assigneeId": str(member.id)}),
            member.delete(f"{team.path}/members/me"),
        )
        assert (left.status_code, created.status_code in (201, 422)) == (204, True)
    tasks = (await team.owner.get(f"{team.path}/tasks")).json()["data"]
    assert {task["assigneeId"] for task in tasks} <= {None}


async def test_member_added_while_the_owner_is_deleted_keeps_the_project_or_is_not_added(users: UserFactory) -> None:
    admin = await users.create("Admin", is_admin=True)
    for _ in range(10):
        team, other_user = await create_project_team(users), await users.create("Grace")
        deleted, added = await asyncio.gather(
            team.owner.delete("/users/me"),
            admin.post(f"{team.path}/members", {"userId": str(other_user.id)}),
        )
        assert (deleted.status_code, added.status_code) in {(204, 404), (204, 422), (409, 201)}
        assert (200 if deleted.status_code == 409 else 404) == (await other_user.get(team.path)).status_code

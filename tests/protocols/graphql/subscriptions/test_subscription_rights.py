"""Who hears what a subscription tells, when that ends, and what many hearers cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from monynha.infra.postgres.database import ActorConnection
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


async def test_strangers_learn_nothing(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    cursors = "subscription ($id: ID!) { cursorMoved(projectId: $id) { position } }"
    async with (
        ws_client(address, await users.create("Eve")) as eve,
        ws_client(address, users.anonymous()) as nobody,
    ):
        for query in (TASK_CHANGED, TASK_CHANGED_WITH_RELATIONS, cursors):
            for id in (project["id"], "00000000-0000-0000-0000-000000000000", "junk"):
                await eve.subscribe(query, {"id": id})
                assert await eve.next_error_codes() == ["NOT_FOUND"]
            await nobody.subscribe(query, project_variables(project))
            assert await nobody.next_error_codes() == ["UNAUTHENTICATED"]
        await user.create_task(project)

        assert await eve.receives_nothing()


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
async def test_whoever_sees_the_project_hears_it(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any], role: str
) -> None:
    person = await users.create_member(project, user, role)
    async with subscribed_client(address, person, TASK_CHANGED, project) as client:
        await user.create_task(project, title="T")

        assert (await client.next_result())["title"] == "T"


async def test_admins_hear_every_project(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    async with subscribed_client(
        address, await users.create("Root", is_admin=True), TASK_CHANGED_WITH_RELATIONS, project
    ) as client:
        await user.create_task(project, title="T")

        assert (await client.next_result())["task"]["title"] == "T"


@pytest.mark.parametrize("query", [TASK_CHANGED, TASK_CHANGED_WITH_RELATIONS])
async def test_the_removed_are_told_so_within_a_second_and_hear_no_more(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any], query: str
) -> None:
    bob = await users.create_member(project, user, "member")
    async with subscribed_client(address, bob, query, project) as member_client:
        started = time.monotonic()
        await user.delete(f"/projects/{project['id']}/members/{bob.id}")
        await user.create_task(project, title="secret")

        assert await member_client.next_error_codes() == ["NOT_FOUND"]
        assert time.monotonic() - started < 1
        assert await member_client.receives_nothing()
        await member_client.subscribe(query, project_variables(project))
        assert await member_client.next_error_codes() == ["NOT_FOUND"]


async def test_the_removed_hear_no_cursor(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    bob = await users.create_member(project, user, "member")
    async with ws_client(address, bob) as member_client, live_ws_client(address, user) as owner_client:
        await member_client.start_subscription(
            "subscription ($id: ID!) { cursorMoved(projectId: $id) { position } }", project_variables(project)
        )
        await owner_client.join(project)
        await user.delete(f"/projects/{project['id']}/members/{bob.id}")
        assert await member_client.next_error_codes() == ["NOT_FOUND"]
        await owner_client.send("cursor_position", position=1)

        assert await member_client.receives_nothing()


async def test_a_deleted_project_ends_its_subscriptions(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        await user.delete(f"/projects/{project['id']}")
        deleted = await client.next_result()

        assert ("deleted", task["id"]) == (deleted["action"], deleted["id"])
        assert await client.next_error_codes() == ["NOT_FOUND"]


async def test_what_is_read_through_a_view_is_asked_for_each_hearer(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    query = """subscription ($id: ID!) {
      taskChanged(projectId: $id) { project { myRole } task { project { members { role } } } }
    }"""
    bob = await users.create_member(project, user, "viewer")
    async with ws_client(address, user) as owner_client, ws_client(address, bob) as member_client:
        await owner_client.start_subscription(query, project_variables(project))
        await member_client.start_subscription(query, project_variables(project))
        await user.create_task(project)

        assert (await owner_client.next_result())["project"]["myRole"] == "owner"
        assert (await member_client.next_result())["project"]["myRole"] == "viewer"


TASK_CHANGED_TEMPLATE = "subscription ($id: ID!) { taskChanged(projectId: $id) { SHOWN } }"


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
    users: UserFactory,
    user: ApiUser,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    selections: str,
    statements: int,
) -> None:
    viewers = [await users.create_member(project, user, "viewer", f"V{number}") for number in range(5)]
    statements_sent: list[str] = []
    real = ActorConnection.fetch_json

    async def counted(self: ActorConnection, statement: str, binds: Sequence[object]) -> bytes | None:
        statements_sent.append(statement)
        return await real(self, statement, binds)

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ws_client(address, viewers[number % 5])) for number in range(20)]
        for client in clients:
            await client.start_subscription(
                TASK_CHANGED_TEMPLATE.replace("SHOWN", selections), project_variables(project)
            )
        monkeypatch.setattr(ActorConnection, "fetch_json", counted)
        await user.create_task(project, title="T", assigneeId=str(user.id))
        results = [await heard.next_result() for heard in clients]

    assert {one["title"] for one in results} == {"T"}
    assert statements == len(statements_sent)


async def test_who_lost_the_right_a_moment_ago_spoils_nothing_for_the_others(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    for _ in range(5):
        bob = await users.create_member(project, user, "member", "Bob")
        async with ws_client(address, bob) as member_client, ws_client(address, user) as owner_client:
            for client in (member_client, owner_client):
                await client.start_subscription(TASK_CHANGED_WITH_RELATIONS, project_variables(project))
            await asyncio.gather(
                user.delete(f"/projects/{project['id']}/members/{bob.id}"),
                user.create_task(project, title="T"),
            )

            assert (await owner_client.next_result())["task"]["title"] == "T"
            while (last := await member_client.receive())["type"] == "next":
                assert last["payload"]["data"]["taskChanged"]["title"] == "T"
            assert last["type"] == "error"

"""Who may subscribe to a stream, and when a subscription ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conditions import SOON_S
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


async def test_outsiders_and_anonymous_callers_cannot_subscribe(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    cursors = "subscription ($id: ID!) { cursorMoved(projectId: $id) { position } }"
    async with (
        ws_client(address, await users.create("Eve")) as eve,
        ws_client(address, users.anonymous()) as anonymous,
    ):
        for query in (TASK_CHANGED, TASK_CHANGED_WITH_RELATIONS, cursors):
            for id in (project["id"], "00000000-0000-0000-0000-000000000000", "junk"):
                await eve.subscribe(query, {"id": id})
                assert await eve.next_error_codes() == ["NOT_FOUND"]
            await anonymous.subscribe(query, project_variables(project))
            assert await anonymous.next_error_codes() == ["UNAUTHENTICATED"]
        await user.create_task(project)

        assert await eve.receives_nothing()


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
async def test_every_role_of_a_project_receives_its_events(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any], role: str
) -> None:
    member = await users.create_member(project, user, role)
    async with subscribed_client(address, member, TASK_CHANGED, project) as client:
        await user.create_task(project, title="T")

        assert (await client.next_result())["title"] == "T"


async def test_admin_receives_events_of_every_project(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any]
) -> None:
    async with subscribed_client(
        address, await users.create("Root", is_admin=True), TASK_CHANGED_WITH_RELATIONS, project
    ) as client:
        await user.create_task(project, title="T")

        assert (await client.next_result())["task"]["title"] == "T"


@pytest.mark.parametrize("query", [TASK_CHANGED, TASK_CHANGED_WITH_RELATIONS])
async def test_removed_member_is_unsubscribed_soon(
    address: str, users: UserFactory, user: ApiUser, project: dict[str, Any], query: str
) -> None:
    bob = await users.create_member(project, user, "member")
    async with subscribed_client(address, bob, query, project) as member_client:
        started = time.monotonic()
        await user.delete(f"/projects/{project['id']}/members/{bob.id}")
        await user.create_task(project, title="secret")

        assert await member_client.next_error_codes() == ["NOT_FOUND"]
        assert time.monotonic() - started < SOON_S
        assert await member_client.receives_nothing()
        await member_client.subscribe(query, project_variables(project))
        assert await member_client.next_error_codes() == ["NOT_FOUND"]


async def test_removed_member_receives_no_cursor(
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


async def test_deleting_a_project_ends_its_subscriptions(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        await user.delete(f"/projects/{project['id']}")
        deleted = await client.next_result()

        assert (deleted["action"], deleted["id"]) == ("deleted", task["id"])
        assert await client.next_error_codes() == ["NOT_FOUND"]

"""Subscribers that are shown the same share one query per event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from monynha.infra.postgres.database import ActorConnection
from tests.protocols.graphql.clients import (
    TASK_CHANGED_WITH_RELATIONS,
    project_variables,
    ws_client,
)
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


TASK_CHANGED_TEMPLATE = "subscription ($id: ID!) { taskChanged(projectId: $id) { SHOWN } }"


@pytest.mark.parametrize(
    ("selections", "statements"),
    [
        ("action id title status tags", 0),
        ("title assignee { name } task { project { name members { user { name } } } }", 1),
        ("title project { myRole }", 5),
        ("title assignee { email }", 5),
        ("title assignee { assignedTasks { id } }", 5),
    ],
)
async def test_subscribers_with_the_same_result_share_one_statement(
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
        results = [await client.next_result() for client in clients]

    assert {result["title"] for result in results} == {"T"}
    assert len(statements_sent) == statements


async def test_subscriber_that_loses_access_does_not_fail_the_others(
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


async def test_computed_fields_are_fetched_for_each_subscriber(
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

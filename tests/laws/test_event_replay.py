"""Replaying events keeps a replica current: a snapshot with all later events applied equals the current state.

Replicas are loaded once and then updated by events over four transports, while users edit, are removed and added
again, and connections are lost at any time.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.domains.files.file_client import send_file
from tests.infra.images.samples import png
from tests.laws.replicas import (
    EventStreamReplica,
    PhoenixReplica,
    ProjectReplica,
    SubscriptionReplica,
    WebSocketReplica,
)
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

STEPS = 60


class RandomEdits:
    """Random edits of a project: tasks, files, memberships, names, and lost connections of replicas."""

    def __init__(self, seed: int, owner: ApiUser, members: list[ApiUser], project: str) -> None:
        self.rng = random.Random(seed)
        self.owner, self.members, self.project = owner, members, project
        self.replicas: list[ProjectReplica] = []

    async def step(self) -> None:
        """Make one random edit."""
        await self.rng.choices(
            (
                self.create_task,
                self.update_task,
                self.delete_task,
                self.upload_file,
                self.delete_file,
                self.remove_member,
                self.add_member,
                self.rename_user,
                self.toggle_connection,
            ),
            (6, 8, 2, 3, 1, 1, 2, 1, 4),
        )[0]()

    async def create_task(self) -> None:
        body = {"title": f"T{self.rng.random()}", "tags": ["a", "ü"], "dueDate": "2031-05-05T05:05:05Z"}
        await self.rng.choice(self.members).post(f"/projects/{self.project}/tasks", body)

    async def update_task(self) -> None:
        task = await self.random_task_id()
        if task is not None:
            assignee_id = str(self.rng.choice(self.members).id)
            body = self.rng.choice(({"status": "done"}, {"assigneeId": assignee_id}, {"description": "d\n@x"}))
            await self.rng.choice(self.members).put(f"/tasks/{task}", body)

    async def delete_task(self) -> None:
        task = await self.random_task_id()
        if task is not None:
            await self.rng.choice(self.members).delete(f"/tasks/{task}")

    async def upload_file(self) -> None:
        name, content = self.rng.choice((("ü.txt", b"text"), ("dot.png", png(9, 6)), ("cut.png", png(9, 6)[:60])))
        task = await self.random_task_id()
        fields = {} if task is None else {"taskId": task}
        member, project = self.rng.choice(self.members), {"id": self.project}
        await send_file(member, project, content, name=name, fields=fields)

    async def delete_file(self) -> None:
        files = (await self.owner.get(f"/projects/{self.project}/files?limit=10&fields=id")).json()["data"]
        if files:
            await self.rng.choice(self.members).delete(f"/files/{self.rng.choice(files)['id']}")

    async def remove_member(self) -> None:
        await self.owner.delete(f"/projects/{self.project}/members/{self.rng.choice(self.members).id}")

    async def add_member(self) -> None:
        body = {
            "userId": str(self.rng.choice(self.members).id),
            "role": self.rng.choice(("member", "viewer")),
        }
        await self.owner.post(f"/projects/{self.project}/members", body)

    async def rename_user(self) -> None:
        await self.rng.choice(self.members).put("/users/me", {"name": f"N{self.rng.random()}"})

    async def toggle_connection(self) -> None:
        replica = self.rng.choice(self.replicas)
        if replica.listener is None:
            await replica.connect()
        else:
            await replica.disconnect()

    async def random_task_id(self) -> str | None:
        response = await self.owner.get(f"/projects/{self.project}/tasks?limit=10&fields=id")
        tasks = response.json()["data"]
        return None if not tasks else str(self.rng.choice(tasks)["id"])


@pytest.mark.parametrize("seed", range(6))
async def test_a_snapshot_with_later_events_applied_equals_the_current_state(
    address: str, users: UserFactory, user: ApiUser, settings: Settings, seed: int
) -> None:
    project = (await user.create_project())["id"]
    members = [await users.create_member({"id": project}, user, "member", f"C{number}") for number in range(3)]
    edits = RandomEdits(seed, user, members, project)
    PhoenixReplica.api_key = make_key("anon", settings.jwt_secret)
    replica_classes = (WebSocketReplica, EventStreamReplica, PhoenixReplica, SubscriptionReplica)
    edits.replicas = [
        replica_class(address, member, project) for replica_class in replica_classes for member in (user, *members)
    ]
    for replica in edits.replicas:
        await replica.connect()
    for _ in range(STEPS):
        await asyncio.gather(*(edits.step() for _ in range(edits.rng.randint(1, 3))))
    for replica in edits.replicas:
        if replica.listener is None:
            await replica.connect()

    await wait_until_current(edits.replicas)
    try:
        for replica in edits.replicas:
            expected = await replica.fetch_current()
            if expected[0] is None:
                assert replica.tasks is None, type(replica)
            else:
                assert replica.rows == expected, (type(replica), replica.user.name)
    finally:
        for replica in edits.replicas:
            await replica.disconnect()


async def wait_until_current(replicas: list[ProjectReplica]) -> None:
    """Wait until every replica equals the current state, for a limited time."""
    deadline = asyncio.get_running_loop().time() + 30
    while asyncio.get_running_loop().time() < deadline:
        for replica in replicas:
            assert replica.listener is not None
            if replica.listener.done():
                replica.listener.result()
        current_states = [await board.fetch_current() for board in replicas]
        if all(
            state == replica.rows or (state[0] is None and replica.tasks is None)
            for state, replica in zip(current_states, replicas, strict=True)
        ):
            return
        await asyncio.sleep(0.1)

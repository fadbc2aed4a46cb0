"""The law of the history: what you asked, with all you heard since applied, is what you would be told now.

Boards are read once and then kept by what is heard, over four protocols, while people write, come, go, are
removed and let in again, and lines break at any moment.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings import Settings
from tests.laws.boards import Board, PhoenixBoard, SocketBoard, StreamBoard, SubscriptionBoard
from tests.people import People, Person

pytestmark = pytest.mark.anyio

STEPS = 60


class World:
    """People who write, come and go, all at random."""

    def __init__(self, seed: int, owner: Person, crew: list[Person], project: str) -> None:
        self.chance = random.Random(seed)
        self.owner, self.crew, self.project = owner, crew, project
        self.boards: list[Board] = []

    async def step(self) -> None:
        """Let somebody do something."""
        await self.chance.choices(
            (self.write, self.change, self.drop, self.remove, self.admit, self.rename, self.break_line),
            (6, 8, 2, 1, 2, 1, 4),
        )[0]()

    async def write(self) -> None:
        body = {"title": f"T{self.chance.random()}", "tags": ["a", "ü"], "dueDate": "2031-05-05T05:05:05Z"}
        await self.chance.choice(self.crew).post(f"/projects/{self.project}/tasks", body)

    async def change(self) -> None:
        task = await self.some_task()
        if task is not None:
            mate = str(self.chance.choice(self.crew).id)
            body = self.chance.choice(({"status": "done"}, {"assigneeId": mate}, {"description": "d\n@x"}))
            await self.chance.choice(self.crew).put(f"/tasks/{task}", body)

    async def drop(self) -> None:
        task = await self.some_task()
        if task is not None:
            await self.chance.choice(self.crew).delete(f"/tasks/{task}")

    async def remove(self) -> None:
        await self.owner.delete(f"/projects/{self.project}/members/{self.chance.choice(self.crew).id}")

    async def admit(self) -> None:
        body = {
            "userId": str(self.chance.choice(self.crew).id),
            "role": self.chance.choice(("member", "viewer")),
        }
        await self.owner.post(f"/projects/{self.project}/members", body)

    async def rename(self) -> None:
        await self.chance.choice(self.crew).put("/users/me", {"name": f"N{self.chance.random()}"})

    async def break_line(self) -> None:
        board = self.chance.choice(self.boards)
        if board.listening is None:
            await board.open()
        else:
            await board.close()

    async def some_task(self) -> str | None:
        answer = await self.owner.get(f"/projects/{self.project}/tasks?limit=10&fields=id")
        found = answer.json()["data"]
        return None if not found else str(self.chance.choice(found)["id"])


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_asked_with_what_was_heard_is_what_would_be_told_now(
    address: str, people: People, ada: Person, settings: Settings, seed: int
) -> None:
    project = (await ada.project())["id"]
    crew = [await people.member({"id": project}, ada, "member", f"C{number}") for number in range(3)]
    world = World(seed, ada, crew, project)
    PhoenixBoard.key = make_key("anon", settings.jwt_secret)
    kinds = (SocketBoard, StreamBoard, PhoenixBoard, SubscriptionBoard)
    world.boards = [kind(address, person, project) for kind in kinds for person in (ada, *crew)]
    for board in world.boards:
        await board.open()
    for _ in range(STEPS):
        await asyncio.gather(*(world.step() for _ in range(world.chance.randint(1, 3))))
    for board in world.boards:
        if board.listening is None:
            await board.open()

    await quiet(world.boards)
    try:
        for board in world.boards:
            expected = await board.told_now()
            found = (board.tasks, board.members)
            if expected[0] is None:
                assert board.tasks is None, type(board)
            else:
                assert expected == found, (type(board), board.person.name)
    finally:
        for board in world.boards:
            await board.close()


async def quiet(boards: list[Board]) -> None:
    """Wait until every board shows what would be told, or has had ample time."""
    deadline = asyncio.get_running_loop().time() + 4
    while asyncio.get_running_loop().time() < deadline:
        for board in boards:
            assert board.listening is not None
            if board.listening.done():
                board.listening.result()
        now = [await board.told_now() for board in boards]
        if all(told[0] == board.tasks for told, board in zip(now, boards, strict=True)):
            return
        await asyncio.sleep(0.1)

"""A project with somebody in every position towards it, and tables that say what each of them may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.people import People, Person

Cells = dict[str, int]
"""The status that each verb of a table answers."""


def table(text: str) -> list[Any]:
    """Return the rows of a table of rights: who asks, and per column the status they get.

    The first line names the columns; actors are written with underscores.
    """
    head, *lines = [line.split() for line in text.strip().splitlines() if line.strip()]
    return [(actor, dict(zip(head, map(int, cells), strict=True))) for actor, *cells in lines]


def without_request(answer: httpx.Response) -> tuple[int, Any]:
    """Return what an answer says apart from the id of its request."""
    body = answer.json()
    body.get("error", {}).pop("requestId", None)
    return answer.status_code, body


@dataclass(frozen=True)
class Cast:
    """A project, its owner, and whoever else a table names."""

    people: People
    owner: Person
    project: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The address of the project."""
        return f"/projects/{self.project['id']}"

    async def actor(self, name: str) -> Person:
        """Return somebody in that position; everybody but the owner is somebody new."""
        if name == "owner":
            return self.owner
        if name == "anonymous":
            return self.people.nobody()
        if name in ("viewer", "member", "admin"):
            return await self.people.member(self.project, self.owner, name)
        if name == "assignee":
            return await self.people.member(self.project, self.owner, "viewer", "Assignee")
        if name == "removed":
            person = await self.people.member(self.project, self.owner, "admin", "Removed")
            gone = await self.owner.delete(f"{self.path}/members/{person.id}")
            assert gone.status_code == 204
            return person
        return await self.people.new(name.capitalize(), is_admin=name == "system_admin")

    async def archive(self) -> None:
        """Make the project read-only."""
        answer = await self.owner.put(self.path, {"status": "archived"})
        assert answer.status_code == 200


async def cast(people: People, **project: Any) -> Cast:
    """Return a new project with its owner."""
    owner = await people.new("Owner")
    return Cast(people, owner, await owner.project(**project))

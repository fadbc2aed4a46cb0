"""A project with somebody in every position towards it, and tables that say what each of them may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.users import ApiUser, UserFactory

StatusByVerb = dict[str, int]
"""The status that each verb of a table answers."""


def rights_table(text: str) -> list[Any]:
    """Return the rows of a table of rights: who asks, and per column the status they get.

    The first line names the columns; actors are written with underscores.
    """
    columns, *lines = [line.split() for line in text.strip().splitlines() if line.strip()]
    return [(actor, dict(zip(columns, map(int, cells), strict=True))) for actor, *cells in lines]


def without_request_id(response: httpx.Response) -> tuple[int, Any]:
    """Return what an answer says apart from the id of its request."""
    body = response.json()
    body.get("error", {}).pop("requestId", None)
    return response.status_code, body


@dataclass(frozen=True)
class ProjectTeam:
    """A project, its owner, and whoever else a table names."""

    users: UserFactory
    owner: ApiUser
    project: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The address of the project."""
        return f"/projects/{self.project['id']}"

    async def actor(self, name: str) -> ApiUser:
        """Return somebody in that position; everybody but the owner is somebody new."""
        if name == "owner":
            return self.owner
        if name == "anonymous":
            return self.users.anonymous()
        if name in ("viewer", "member", "admin"):
            return await self.users.create_member(self.project, self.owner, name)
        if name == "assignee":
            return await self.users.create_member(self.project, self.owner, "viewer", "Assignee")
        if name == "removed":
            user = await self.users.create_member(self.project, self.owner, "admin", "Removed")
            removal = await self.owner.delete(f"{self.path}/members/{user.id}")
            assert removal.status_code == 204
            return user
        return await self.users.create(name.capitalize(), is_admin=name == "system_admin")

    async def archive(self) -> None:
        """Make the project read-only."""
        response = await self.owner.put(self.path, {"status": "archived"})
        assert response.status_code == 200


async def create_project_team(users: UserFactory, **project: Any) -> ProjectTeam:
    """Return a new project with its owner."""
    owner = await users.create("Owner")
    return ProjectTeam(users, owner, await owner.create_project(**project))

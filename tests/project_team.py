"""A project with users in every role, and tables of the rights that each role has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.users import ApiUser, UserFactory

StatusByVerb = dict[str, int]
"""The expected HTTP status by verb."""


def rights_table(text: str) -> list[Any]:
    """Parse a table of rights: return pairs of an actor and the expected status by verb.

    The first line names the verbs.
    """
    columns, *lines = [line.split() for line in text.strip().splitlines() if line.strip()]
    return [(actor, dict(zip(columns, map(int, cells), strict=True))) for actor, *cells in lines]


def without_request_id(response: httpx.Response) -> tuple[int, Any]:
    """Return the status and the body of a response, without the id of the request."""
    body = response.json()
    body.get("error", {}).pop("requestId", None)
    return response.status_code, body


@dataclass(frozen=True)
class ProjectTeam:
    """A project and its owner; other actors are created when a test needs them."""

    users: UserFactory
    owner: ApiUser
    project: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The path of the project below /api/v1."""
        return f"/projects/{self.project['id']}"

    async def actor(self, name: str) -> ApiUser:
        """Return a user in the role; every user but the owner is a new one."""
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
        """Archive the project."""
        response = await self.owner.put(self.path, {"status": "archived"})
        assert response.status_code == 200


async def create_project_team(users: UserFactory, **project: Any) -> ProjectTeam:
    """Create a project and its owner."""
    owner = await users.create("Owner")
    return ProjectTeam(users, owner, await owner.create_project(**project))

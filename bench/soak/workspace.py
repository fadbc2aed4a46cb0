"""The users, projects and tasks of a run, created over the API."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bench.soak.http_client import HttpClient

USERS, PROJECTS, TASKS = 20, 10, 20
_LONG_TASKS, _LONG_TEXT_CHARACTERS = 40, 90_000


@dataclass(frozen=True)
class Project:
    """A project, the access tokens of its members (the owner's first), and tasks that are never changed."""

    id: str
    tokens: tuple[str, ...]
    task_ids: tuple[str, ...]


@dataclass(frozen=True)
class Workspace:
    """All projects: those that are read and written, and one whose list of tasks has 3.6 MB."""

    projects: tuple[Project, ...]
    large_project: Project

    @property
    def large_list_path(self) -> str:
        """The path of the list of tasks of 3.6 MB."""
        return f"/api/v1/projects/{self.large_project.id}/tasks?limit=100"


async def create_workspace(client: HttpClient) -> Workspace:
    """Create the users, and projects of three members each."""
    users = [await _sign_up(client, number) for number in range(USERS)]
    projects = []
    for number in range(PROJECTS):
        owner, *others = (users[(number + offset) % USERS] for offset in (0, 7, 13))
        is_large = number == PROJECTS - 1
        project = await _create(client, owner[1], "/api/v1/projects", {"name": f"Project {number}"})
        for user_id, _ in others:
            await _create(client, owner[1], f"/api/v1/projects/{project}/members", {"userId": user_id})
        bodies = [{"title": f"Task {n}"} for n in range(TASKS)]
        if is_large:
            bodies = [{"title": f"Task {n}", "description": "x" * _LONG_TEXT_CHARACTERS} for n in range(_LONG_TASKS)]
        tasks = [await _create(client, owner[1], f"/api/v1/projects/{project}/tasks", body) for body in bodies]
        projects.append(Project(project, (owner[1], *(token for _, token in others)), tuple(tasks)))
    return Workspace(tuple(projects[:-1]), projects[-1])


async def _sign_up(client: HttpClient, number: int) -> tuple[str, str]:
    """Return the id and the access token of a new user."""
    body = {"email": f"person{number}@soak.example", "password": f"sturdy-lantern-{number}-quiet-harbour"}
    status, content = await client.request("POST", "/auth/v1/signup", "", json.dumps(body).encode())
    if status != 200:
        raise SystemExit(f"POST /auth/v1/signup was answered with {status}: {content.decode()[:500]}")
    session = json.loads(content)
    return session["user"]["id"], session["access_token"]


async def _create(client: HttpClient, token: str, path: str, body: dict[str, str]) -> str:
    """Create a row and return its id, or an empty text if its key is another."""
    status, content = await client.request("POST", path, token, json.dumps(body).encode())
    if status != 201:
        raise SystemExit(f"POST {path} was answered with {status}: {content.decode()[:500]}")
    row_id: str = json.loads(content)["data"].get("id", "")
    return row_id

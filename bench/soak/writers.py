"""Clients that create, change and delete tasks, and record what was committed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from time import perf_counter

from bench.soak.http_client import Address, HttpClient
from bench.soak.journal import Change, Journal
from bench.soak.readers import CONNECTION_ERRORS
from bench.soak.results import Results
from bench.soak.workspace import Project, Workspace

_PAUSE_S = 0.05
_RETRY_PAUSE_S = 1.0


@dataclass
class Writer:
    """Creates a task, changes it and deletes it, in one project after another; `name` is unique."""

    name: str
    address: Address
    workspace: Workspace
    journals: Mapping[str, Journal]
    """By the id of the project."""
    results: Results
    rng: Random
    _titles: int = 0

    async def run(self) -> None:
        """Write until cancelled; a request under way is finished, so that what it commits is recorded."""
        client = HttpClient(self.address)
        try:
            while True:
                project = self.rng.choice(self.workspace.projects)
                writing = asyncio.ensure_future(self._write_task(client, project))
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await writing
                    raise
        finally:
            client.close()

    async def _write_task(self, client: HttpClient, project: Project) -> None:
        tasks_path, token = f"/api/v1/projects/{project.id}/tasks", project.tokens[0]
        title = self._next_title()
        content = await self._send(client, "POST", tasks_path, token, title)
        if content is None:
            return
        task_id = json.loads(content)["data"]["id"]
        committed = self.journals[project.id].committed
        committed.add(Change("task_created", task_id, title))
        for _ in range(self.rng.randrange(4)):
            title = self._next_title()
            if await self._send(client, "PUT", f"/api/v1/tasks/{task_id}", token, title) is None:
                return
            committed.add(Change("task_updated", task_id, title))
        if await self._send(client, "DELETE", f"/api/v1/tasks/{task_id}", token) is not None:
            committed.add(Change("task_deleted", task_id, ""))

    async def _send(
        self, client: HttpClient, method: str, path: str, token: str, title: str | None = None
    ) -> bytes | None:
        """Return the body of a successful response, None of another."""
        body = None if title is None else json.dumps({"title": title}).encode()
        started_at = perf_counter()
        try:
            status, content = await client.request(method, path, token, body)
        except CONNECTION_ERRORS as error:
            self.results.problems[f"{method} of a task had no response: {type(error).__name__}"] += 1
            await asyncio.sleep(_RETRY_PAUSE_S)
            return None
        self.results.record_request(status, f"{method} of a task", perf_counter() - started_at)
        await asyncio.sleep(_PAUSE_S)
        return content if 200 <= status < 300 else None

    def _next_title(self) -> str:
        self._titles += 1
        return f"{self.name} {self._titles}"

"""Clients that read over REST and GraphQL, and some that read large responses slowly."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from random import Random
from time import perf_counter

from bench.documents import MONYNHA
from bench.soak.http_client import RESPONSE_TIMEOUT_S, Address, HttpClient, content_length, encode_request, read_head
from bench.soak.results import Results
from bench.soak.workspace import Project, Workspace

CONNECTION_ERRORS = (OSError, EOFError, TimeoutError)
_PAUSE_S = 0.025
_RETRY_PAUSE_S = 1.0
_SLOW_CHUNK_BYTES, _SLOW_PAUSE_S = 16_384, 0.05
_SLOW_BUFFER_BYTES = 65_536


@dataclass(frozen=True)
class Reader:
    """Reads lists, tasks and graphs of random projects, one request after another."""

    address: Address
    workspace: Workspace
    results: Results
    rng: Random

    async def run(self) -> None:
        """Send requests until cancelled."""
        client = HttpClient(self.address)
        try:
            while True:
                await self._read(client)
                await asyncio.sleep(_PAUSE_S)
        finally:
            client.close()

    async def _read(self, client: HttpClient) -> None:
        project = self.rng.choice(self.workspace.projects)
        name, method, path, body = self._choose_request(project)
        started_at = perf_counter()
        try:
            status, content = await client.request(method, path, self.rng.choice(project.tokens), body)
        except CONNECTION_ERRORS as error:
            self.results.problems[f"{name} had no response: {type(error).__name__}"] += 1
            await asyncio.sleep(_RETRY_PAUSE_S)
            return
        self.results.record_request(status, name, perf_counter() - started_at)
        if status == 200 and body is not None and b'"errors"' in content:
            self.results.problems[f"{name} had errors: {content[:200].decode(errors='replace')}"] += 1

    def _choose_request(self, project: Project) -> tuple[str, str, str, bytes | None]:
        """Return a name, the method, the path and the body of a request."""
        tasks_path = f"/api/v1/projects/{project.id}/tasks"
        match self.rng.randrange(5):
            case 0:
                return "a list of projects", "GET", "/api/v1/projects", None
            case 1:
                return "a list of tasks", "GET", f"{tasks_path}?limit=50&sort=createdAt", None
            case 2:
                return "a task", "GET", f"/api/v1/tasks/{self.rng.choice(project.task_ids)}", None
            case 3:
                return "a search", "GET", f"{tasks_path}?q=task&status=todo,done", None
            case _:
                variables = {"id": project.id}
                body = json.dumps({"query": MONYNHA["graph3"], "variables": variables})
                return "a GraphQL query", "POST", "/graphql", body.encode()


@dataclass(frozen=True)
class SlowReader:
    """Reads the largest list at about 300 KB/s, which the server has to bear."""

    address: Address
    workspace: Workspace
    results: Results

    async def run(self) -> None:
        """Read responses until cancelled."""
        while True:
            try:
                async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                    await self._read()
            except CONNECTION_ERRORS as error:
                self.results.problems[f"a slow reader had no whole response: {type(error).__name__}"] += 1
                await asyncio.sleep(_RETRY_PAUSE_S)

    async def _read(self) -> None:
        reader, writer = await self.address.connect(_SLOW_BUFFER_BYTES)
        try:
            token = self.workspace.large_project.tokens[0]
            writer.write(encode_request("GET", self.workspace.large_list_path, token))
            status, head = await read_head(reader)
            if status != 200:
                self.results.problems[f"a slow reader was answered with {status}"] += 1
            missing_bytes = content_length(head)
            while missing_bytes:
                chunk = await reader.readexactly(min(_SLOW_CHUNK_BYTES, missing_bytes))
                missing_bytes -= len(chunk)
                await asyncio.sleep(_SLOW_PAUSE_S)
        finally:
            writer.transport.abort()

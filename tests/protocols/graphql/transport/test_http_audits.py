"""The GraphQL over HTTP audits (npm: graphql-http) pass: every MUST and every SHOULD."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monynha.app.composition.application import Application
from monynha.app.serving.uvicorn_server import serve_http
from tests.node import NODE, install_packages

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "audits"


async def run(*command: str | Path, cwd: Path) -> str:
    """Run a command, which must succeed, and return its output."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.fixture
async def url(program: Application) -> AsyncIterator[str]:
    """Serve the program on a port of its own and return the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve_http(program, listener, stop, ready.set, max_unsent_bytes=256_000_000))
    await ready.wait()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
    stop.set()
    await serving


@pytest.fixture(scope="module")
def audits() -> Path:
    """Return the folder of the audits, with their packages installed."""
    return install_packages(HERE)


async def test_graphql_over_http_audits_pass(url: str, audits: Path) -> None:
    results: list[dict[str, Any]] = json.loads(await run(NODE, "audits.mjs", url, cwd=audits))

    must_and_should = [result for result in results if result["name"].startswith(("MUST", "SHOULD"))]
    assert len(must_and_should) > 30
    assert [audit for audit in must_and_should if audit["status"] != "ok"] == []
    assert {result["status"] for result in results} <= {"notice", "ok"}

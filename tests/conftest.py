"""Fixtures for all tests: real servers, the application, HTTP clients and users."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers, with_jwt_secret
from monynha.infra.postgres.database import Database
from tests.live_server import serve
from tests.machine import let_servers_enter
from tests.users import ApiUser, UserFactory


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Use one uvloop event loop for the whole session: connection pools outlive a test."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Return the folder of one test, where a server of any user may keep its data."""
    return let_servers_enter(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def enter_basetemp(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let servers of any user into the folder that holds those of all tests."""
    let_servers_enter(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings with a data folder of this session and without rate limits."""
    environ = {
        "MONYNHA_DATA_DIR": str(tmp_path_factory.mktemp("monynha")),
        "MONYNHA_LIMIT_AUTH": "off",
        "MONYNHA_LIMIT_API": "off",
        "LOG_LEVEL": "error",
    }
    if binaries := os.environ.get("MONYNHA_TEST_POSTGRES_BIN"):
        environ["MONYNHA_POSTGRES_BIN"] = str(Path(binaries))
    return with_jwt_secret(Settings.read(environ))


@pytest.fixture(scope="session")
async def running_servers(settings: Settings) -> AsyncIterator[ServerUrls]:
    """Run PostgreSQL and Valkey for this session."""
    async with run_servers(settings) as running:
        yield running


@pytest.fixture(scope="session")
async def program(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[Application]:
    """Return the application on these servers."""
    application = await build(settings, running_servers)
    yield application
    await application.close()


@pytest.fixture(scope="session")
async def address(program: Application) -> AsyncIterator[str]:
    """Serve the application on a real port; return its host and port."""
    async with serve(program) as host_and_port:
        yield host_and_port


@pytest.fixture
def database(program: Application) -> Database:
    """Return the application's database client."""
    return program.database


@pytest.fixture
async def client(program: Application) -> AsyncIterator[httpx.AsyncClient]:
    """Return an HTTP client without a token."""
    transport = httpx.ASGITransport(app=program.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as http_client:
        yield http_client


@pytest.fixture
def users(program: Application, client: httpx.AsyncClient) -> UserFactory:
    """Return a factory of signed-in users, with the keys of the program, which other tests may have replaced."""
    return UserFactory(program.database, program.auth.tokens, client)


@pytest.fixture
async def user(users: UserFactory) -> ApiUser:
    """Return a signed-in user named Ada."""
    return await users.create("Ada")


@pytest.fixture
def owner_sql(running_servers: ServerUrls) -> Callable[..., Awaitable[list[Any]]]:
    """Return a function that runs a statement as the owner of the tables, past row-level security of users."""

    async def run(statement: str, *binds: object) -> list[Any]:
        connection = await asyncpg.connect(running_servers.owner_url)
        try:
            await connection.execute("set role monynha_owner")
            return list(await connection.fetch(statement, *binds))
        finally:
            await connection.close()

    return run

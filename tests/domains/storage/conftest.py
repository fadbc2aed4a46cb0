"""Fixtures for storage: clients of several actors, a bucket, and a project with a team."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from monynha.app.commands.keys import make_key
from monynha.app.composition.application import Application
from monynha.core.settings.settings import Settings
from monynha.domains.storage.composition import StorageServices
from tests.domains.storage.clients import StorageClient
from tests.project_team import ProjectTeam, create_project_team
from tests.users import ApiUser, UserFactory


@pytest.fixture
def storage(program: Application) -> StorageServices:
    """Return the services of storage."""
    return program.storage


@pytest.fixture
def service(client: httpx.AsyncClient, settings: Settings) -> StorageClient:
    """Return a client with the service key."""
    return StorageClient(client, make_key("service_role", settings.jwt_secret))


@pytest.fixture
def anonymous(client: httpx.AsyncClient) -> StorageClient:
    """Return a client without a token."""
    return StorageClient(client)


@pytest.fixture
def storage_client(client: httpx.AsyncClient) -> Callable[[ApiUser], StorageClient]:
    """Return a function that makes the client of a user."""
    return lambda user: StorageClient(client, user.token)


@pytest.fixture
async def bucket(service: StorageClient) -> str:
    """Return a private bucket."""
    return await service.create_bucket()


@pytest.fixture
async def team(users: UserFactory) -> ProjectTeam:
    """Return a project and its owner."""
    return await create_project_team(users)

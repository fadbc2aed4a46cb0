"""A running program, and a signed-in user of it who owns rows of every resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.journeys.program import SERVE, run_program

PASSWORD = "a long secret"


@dataclass(frozen=True)
class Owner:
    """A signed-in user who owns projects, tasks, members and posts."""

    url: str
    token: str
    id: str
    other_accounts: tuple[tuple[str, str], ...]
    """Ids and email addresses of users who are members of no project."""


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the program, started by its command."""
    folder = tmp_path_factory.mktemp("served")
    limits = ("AUTH", "API", "INVITATION")
    unlimited = {"LOG_LEVEL": "error", **{f"MONYNHA_LIMIT_{name}": "off" for name in limits}}
    with run_program(folder, *SERVE, **unlimited) as program:
        yield program.url


@pytest.fixture(scope="session")
def owner(server_url: str) -> Owner:
    """A user who owns rows of every resource."""
    with httpx.Client(base_url=server_url) as client:
        other_accounts = tuple(_sign_up(client, f"other-{index}@example.com") for index in range(8))
        account = _sign_up(client, "owner@example.com")
        credentials = {"email": "owner@example.com", "password": PASSWORD}
        signed_in = client.post("/auth/v1/token?grant_type=password", json=credentials)
        token = signed_in.json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        for name in ("First", "Second"):
            project = _create(client, "/projects", {"name": name, "settings": {"colour": "green"}})
            project_path = f"/projects/{project}"
            for title in ("Plan", "Build"):
                _create(
                    client,
                    f"{project_path}/tasks",
                    {"title": title, "tags": ["wood"], "assigneeId": account[0]},
                )
            _sign_up(client, f"{name}@example.com")
            client.post(f"/api/v1{project_path}/members", json={"email": f"{name}@example.com", "role": "viewer"})
            _create(client, "/posts", {"title": name, "content": "Said"})
    return Owner(server_url, token, account[0], other_accounts)


def _sign_up(client: httpx.Client, email: str) -> tuple[str, str]:
    account = {"name": email.partition("@")[0], "email": email, "password": PASSWORD}
    return _create(client, "/users", account), email


def _create(client: httpx.Client, path: str, body: Mapping[str, object]) -> str:
    response = client.post(f"/api/v1{path}", json=body)
    assert response.status_code == 201, response.text
    created_id: str = response.json()["data"]["id"]
    return created_id

"""A running program with somebody in it who owns something, and what they may ask with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.journeys.program import SERVE, running

PASSWORD = "a long secret"


@dataclass(frozen=True)
class Owner:
    """Somebody signed in at a running program, with projects, tasks, members and posts of theirs."""

    url: str
    token: str
    id: str
    strangers: tuple[tuple[str, str], ...]
    """Others by id and mail address, members of nothing."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the program, started as anybody starts it."""
    folder = tmp_path_factory.mktemp("served")
    unlimited = {"MONYNHA_LIMIT_AUTH": "off", "MONYNHA_LIMIT_API": "off", "LOG_LEVEL": "error"}
    with running(folder, *SERVE, **unlimited) as program:
        yield program.url


@pytest.fixture(scope="session")
def owner(served: str) -> Owner:
    """Return somebody who has something of everything."""
    with httpx.Client(base_url=served) as client:
        strangers = tuple(_sign_up(client, f"stranger-{index}@example.com") for index in range(8))
        mine = _sign_up(client, "owner@example.com")
        given = {"email": "owner@example.com", "password": PASSWORD}
        signed_in = client.post("/auth/v1/token?grant_type=password", json=given)
        token = signed_in.json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        for name in ("First", "Second"):
            project = _made(client, "/projects", {"name": name, "settings": {"colour": "green"}})
            below = f"/projects/{project}"
            for title in ("Plan", "Build"):
                _made(client, f"{below}/tasks", {"title": title, "tags": ["wood"], "assigneeId": mine[0]})
            _sign_up(client, f"{name}@example.com")
            client.post(f"/api/v1{below}/members", json={"email": f"{name}@example.com", "role": "viewer"})
            _made(client, "/posts", {"title": name, "content": "Said"})
    return Owner(served, token, mine[0], strangers)


def _sign_up(client: httpx.Client, email: str) -> tuple[str, str]:
    given = {"name": email.partition("@")[0], "email": email, "password": PASSWORD}
    return _made(client, "/users", given), email


def _made(client: httpx.Client, path: str, body: Mapping[str, object]) -> str:
    answer = client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"]["id"]
    return made

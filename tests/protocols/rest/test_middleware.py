"""The rate limit of the API: what requests are counted by, and the headers that report it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

BAD_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"

Request = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def limited_program(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[Application]:
    """Return an application that allows two requests."""
    limited_settings = replace(settings, limit_api=Limit(2, 900), limit_api_address=Limit(2, 900))
    program = await build(limited_settings, running_servers)
    yield program
    await program.close()


@pytest.fixture
def request_me(limited_program: Application) -> Request:
    """Return a function that requests `/users/me` with a token, by default from an IP without requests."""
    fresh_ip = new_client_ip()

    async def request(token: str | None, client_ip: str = fresh_ip) -> httpx.Response:
        transport = httpx.ASGITransport(app=limited_program.http, client=(client_ip, 1234))
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            return await client.get("/api/v1/users/me", headers=headers)

    return request


def new_client_ip() -> str:
    """Return an IP address of a network of its own."""
    digits = uuid4().hex
    return f"2001:db8:{digits[:4]}:{digits[4:8]}::1"


@pytest.mark.parametrize("token", [None, BAD_TOKEN], ids=["no token", "a bad token"])
async def test_requests_without_a_valid_token_are_limited_per_ip(request_me: Request, token: str | None) -> None:
    responses = [await request_me(token) for _ in range(3)]
    elsewhere = await request_me(token, new_client_ip())

    assert [answer.status_code for answer in responses] == [401, 401, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in responses] == ["1", "0", "0"]
    assert responses[-1].json()["error"]["code"] == "RATE_LIMITED"
    assert 0 < int(responses[-1].headers["retry-after"]) <= 900
    assert elsewhere.status_code == 401


async def test_invalid_and_missing_tokens_are_counted_together(request_me: Request) -> None:
    statuses = [(await request_me(token)).status_code for token in (None, BAD_TOKEN, None, BAD_TOKEN)]

    assert statuses == [401, 401, 429, 429]


async def test_invalid_tokens_do_not_use_up_the_limit_of_signed_in_users(request_me: Request, user: ApiUser) -> None:
    for _ in range(3):
        await request_me(BAD_TOKEN)

    responses = [
        await request_me(user.token),
        await request_me(user.token, new_client_ip()),
        await request_me(user.token),
    ]

    assert [answer.status_code for answer in responses] == [200, 200, 429]


async def test_invalid_token_is_reported_with_the_rate_limit(request_me: Request) -> None:
    response = await request_me(BAD_TOKEN)

    assert response.json()["error"]["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["ratelimit-policy"] == '"api";q=2;w=900'

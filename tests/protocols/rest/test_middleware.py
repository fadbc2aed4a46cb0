"""The limit around the API: by whom a request is counted, and what its answer tells of that."""

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
    """Return the program where two requests are let through."""
    limited_settings = replace(settings, limit_api=Limit(2, 900), limit_api_address=Limit(2, 900))
    program = await build(limited_settings, running_servers)
    yield program
    await program.close()


@pytest.fixture
def request_me(limited_program: Application) -> Request:
    """Return what asks for oneself with a token, from an address nobody has asked from."""
    fresh_ip = new_client_ip()

    async def request(token: str | None, client_ip: str = fresh_ip) -> httpx.Response:
        transport = httpx.ASGITransport(app=limited_program.http, client=(client_ip, 1234))
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            return await client.get("/api/v1/users/me", headers=headers)

    return request


def new_client_ip() -> str:
    """Return an address of a network of its own."""
    digits = uuid4().hex
    return f"2001:db8:{digits[:4]}:{digits[4:8]}::1"


@pytest.mark.parametrize("token", [None, BAD_TOKEN], ids=["no token", "a bad token"])
async def test_a_flood_that_signs_nobody_in_is_held_back_by_its_address(request_me: Request, token: str | None) -> None:
    responses = [await request_me(token) for _ in range(3)]
    elsewhere = await request_me(token, new_client_ip())

    assert [answer.status_code for answer in responses] == [401, 401, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in responses] == ["1", "0", "0"]
    assert responses[-1].json()["error"]["code"] == "RATE_LIMITED"
    assert 0 < int(responses[-1].headers["retry-after"]) <= 900
    assert elsewhere.status_code == 401


async def test_a_bad_token_and_none_are_counted_together(request_me: Request) -> None:
    statuses = [(await request_me(token)).status_code for token in (None, BAD_TOKEN, None, BAD_TOKEN)]

    assert statuses == [401, 401, 429, 429]


async def test_a_flood_of_bad_tokens_shuts_out_nobody_who_is_signed_in(request_me: Request, user: ApiUser) -> None:
    for _ in range(3):
        await request_me(BAD_TOKEN)

    responses = [
        await request_me(user.token),
        await request_me(user.token, new_client_ip()),
        await request_me(user.token),
    ]

    assert [answer.status_code for answer in responses] == [200, 200, 429]


async def test_a_bad_token_is_told_as_such_whatever_is_counted(request_me: Request) -> None:
    response = await request_me(BAD_TOKEN)

    assert response.json()["error"]["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["ratelimit-policy"] == '"api";q=2;w=900'

"""The limit around the API: by whom a request is counted, and what its answer tells of that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from monynha.app.asgi import Program, build
from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers
from tests.people import Person

pytestmark = pytest.mark.anyio

BAD_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"

Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def limited(settings: Settings, running_servers: Servers) -> AsyncIterator[Program]:
    """Return the program where two requests are let through."""
    own = replace(settings, limit_api=Limit(2, 900), limit_api_address=Limit(2, 900))
    made = await build(own, running_servers)
    yield made
    await made.close()


@pytest.fixture
def ask(limited: Program) -> Ask:
    """Return what asks for oneself with a token, from an address nobody has asked from."""
    fresh = new_address()

    async def asking(token: str | None, address: str = fresh) -> httpx.Response:
        transport = httpx.ASGITransport(app=limited, client=(address, 1234))
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            return await client.get("/api/v1/users/me", headers=headers)

    return asking


def new_address() -> str:
    """Return an address of a network of its own."""
    digits = uuid4().hex
    return f"2001:db8:{digits[:4]}:{digits[4:8]}::1"


@pytest.mark.parametrize("token", [None, BAD_TOKEN], ids=["no token", "a bad token"])
async def test_a_flood_that_signs_nobody_in_is_held_back_by_its_address(ask: Ask, token: str | None) -> None:
    answers = [await ask(token) for _ in range(3)]
    elsewhere = await ask(token, new_address())

    assert [401, 401, 429] == [answer.status_code for answer in answers]
    assert ["1", "0", "0"] == [answer.headers["ratelimit-remaining"] for answer in answers]
    assert "RATE_LIMITED" == answers[-1].json()["error"]["code"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert 401 == elsewhere.status_code


async def test_a_bad_token_and_none_are_counted_together(ask: Ask) -> None:
    statuses = [(await ask(token)).status_code for token in (None, BAD_TOKEN, None, BAD_TOKEN)]

    assert [401, 401, 429, 429] == statuses


async def test_a_flood_of_bad_tokens_shuts_out_nobody_who_is_signed_in(ask: Ask, ada: Person) -> None:
    for _ in range(3):
        await ask(BAD_TOKEN)

    answers = [await ask(ada.token), await ask(ada.token, new_address()), await ask(ada.token)]

    assert [200, 200, 429] == [answer.status_code for answer in answers]


async def test_a_bad_token_is_told_as_such_whatever_is_counted(ask: Ask) -> None:
    answer = await ask(BAD_TOKEN)

    assert "UNAUTHENTICATED" == answer.json()["error"]["code"]
    assert "Bearer" == answer.headers["www-authenticate"]
    assert '"api";q=2;w=900' == answer.headers["ratelimit-policy"]

"""When API tokens were last used is recorded later, and rarely."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conditions import TIMEOUT_S
from tests.domains.auth.api_tokens.token_users import create_token
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


async def test_the_last_use_is_recorded_once_in_a_while(user: ApiUser, owner_sql: OwnerSql) -> None:
    token = await create_token(user, "read")
    token_user = replace(user, token=token["secret"])
    assert (await user.get(f"/tokens/{token['id']}")).json()["data"]["lastUsedAt"] is None
    await token_user.get("/users/me")
    async with asyncio.timeout(TIMEOUT_S):
        while (await user.get(f"/tokens/{token['id']}")).json()["data"]["lastUsedAt"] is None:
            await asyncio.sleep(0.05)
    [before] = await owner_sql("select xmin::text, last_used_at from public.api_tokens where id = $1", token["id"])
    for _ in range(20):
        await token_user.get("/users/me")
    await asyncio.sleep(2.5)
    [after] = await owner_sql("select xmin::text, last_used_at from public.api_tokens where id = $1", token["id"])
    assert tuple(before) == tuple(after)

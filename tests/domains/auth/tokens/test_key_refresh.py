"""All processes have the same keys within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from monynha.domains.auth.tokens.key_refresh import KeyRefresh
from monynha.infra.postgres.database import Database
from tests.domains.auth.conftest import MakeAuthApp

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


@pytest.fixture(autouse=True)
async def no_keys(owner_sql: OwnerSql, database: Database) -> AsyncIterator[None]:
    """Begin and end without keys: the program of the other tests signs with its secret."""
    await owner_sql("delete from auth.signing_keys")
    yield
    await owner_sql("delete from auth.signing_keys")


async def test_processes_that_start_at_once_have_one_key(make_auth_app: MakeAuthApp, owner_sql: OwnerSql) -> None:
    auth_apps = [make_auth_app(jwt_algorithm="ES256") for _ in range(5)]
    await asyncio.gather(*(auth_app.auth.start() for auth_app in auth_apps))
    now = auth_apps[0].clock()
    assert len({auth_app.auth.tokens.keys.signer(now).kid for auth_app in auth_apps}) == 1
    [row] = await owner_sql("select count(*) from auth.signing_keys")
    assert row[0] == 1


async def test_a_revoked_key_ends_its_tokens_in_every_process(make_auth_app: MakeAuthApp) -> None:
    first_app, other = (make_auth_app(autoconfirm=True, jwt_algorithm="ES256") for _ in range(2))
    for auth_app in (first_app, other):
        await auth_app.auth.start()
    other.auth.key_refresh.stop()
    watching = KeyRefresh(other.auth.key_refresh.store, other.auth.tokens, interval_s=0.05)
    await watching.start()
    session = await first_app.sign_up()
    assert (await other.get("/user", session["access_token"])).status_code == 200

    await first_app.auth.key_refresh.store.rotate("ES256", revoke=True)
    async with asyncio.timeout(10):
        while (await other.get("/user", session["access_token"])).status_code == 200:
            await asyncio.sleep(0.02)
    # The session goes on: it gets a token of the new key.
    refreshed = (await other.refresh(session["refresh_token"])).json()
    assert (await other.get("/user", refreshed["access_token"])).status_code == 200
    watching.stop()

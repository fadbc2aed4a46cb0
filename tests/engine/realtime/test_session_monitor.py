"""The end of a session and the expiry of its token are reported, once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import UnauthenticatedError
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.session_monitor import SessionMonitor
from monynha.infra.postgres.database import Database
from tests.live_server import TIMEOUT_S
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def next_report(reports: asyncio.Queue[str]) -> str:
    """Return what was reported, waiting for it."""
    async with asyncio.timeout(TIMEOUT_S):
        return await reports.get()


async def test_end_of_the_session_is_reported(hub: Hub, database: Database, users: UserFactory, user: ApiUser) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    monitor = SessionMonitor(hub, database.as_actor(user.actor), lambda: reports.put_nowait("ended"))
    await monitor.start()

    await users.end_session(user)

    assert await next_report(reports) == "ended"
    monitor.on_session_end()
    assert reports.empty()


async def test_session_that_is_over_cannot_be_watched(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    await users.end_session(user)

    with pytest.raises(UnauthenticatedError):
        await SessionMonitor(hub, database.as_actor(user.actor), lambda: None).start()


async def test_expiry_of_the_token_is_reported_as_such(hub: Hub, database: Database, user: ApiUser) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    actor = replace(user.actor, expires_at=time.time() + 0.2)
    monitor = SessionMonitor(
        hub,
        database.as_actor(actor),
        lambda: reports.put_nowait("ended"),
        on_expiry=lambda: reports.put_nowait("expired"),
    )
    await monitor.start()

    assert await next_report(reports) == "expired"


async def test_newer_token_postpones_the_expiry(hub: Hub, database: Database, user: ApiUser) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    actor = replace(user.actor, expires_at=time.time() + 3)
    monitor = SessionMonitor(hub, database.as_actor(actor), lambda: reports.put_nowait("ended"))
    await monitor.start()

    monitor.renew(database.as_actor(replace(actor, expires_at=time.time() + 60)))
    await asyncio.sleep(3.2)  # until the first token has expired

    assert reports.empty()
    monitor.stop()


async def test_anonymous_caller_has_an_expiry_but_no_session(hub: Hub, database: Database) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    actor = replace(ANONYMOUS, expires_at=time.time() + 0.1)
    await SessionMonitor(hub, database.as_actor(actor), lambda: reports.put_nowait("ended")).start()

    assert await next_report(reports) == "ended"

"""The unmodified `supabase` client of PyPI runs the seed's RealtimeService against us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from realtime.types import RealtimePostgresChangesListenEvent
from supabase import AsyncClient, acreate_client
from supabase.lib.client_options import AsyncClientOptions

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.live_server import TIMEOUT_S
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def make_client(address: str, settings: Settings, user: ApiUser) -> AsyncClient:
    """Return an official client that acts as the person."""
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False)
    client = await acreate_client(f"http://{address}", make_key("anon", settings.jwt_secret), options)
    await client.realtime.set_auth(user.token)
    return client


@pytest.fixture
async def client(address: str, settings: Settings, user: ApiUser) -> AsyncIterator[AsyncClient]:
    supabase_client = await make_client(address, settings, user)
    yield supabase_client
    await supabase_client.remove_all_channels()
    await supabase_client.realtime.close()


async def subscribe(channel: Any) -> None:
    """Subscribe and wait until the client says so."""
    states: asyncio.Queue[Any] = asyncio.Queue()
    await channel.subscribe(lambda state, error: states.put_nowait((state, error)))
    async with asyncio.timeout(TIMEOUT_S):
        state, error = await states.get()
    assert state == "SUBSCRIBED", error


async def test_supabase_py_receives_task_changes(client: AsyncClient, user: ApiUser) -> None:
    project = await user.create_project()
    payloads: asyncio.Queue[Any] = asyncio.Queue()
    channel = client.channel(f"project-{project['id']}-tasks").on_postgres_changes(
        RealtimePostgresChangesListenEvent.All,
        schema="public",
        table="tasks",
        filter=f"project_id=eq.{project['id']}",
        callback=payloads.put_nowait,
    )
    await subscribe(channel)

    task = await user.create_task(project, title="Write")
    await user.put(f"/tasks/{task['id']}", {"title": "Write more"})
    await user.delete(f"/tasks/{task['id']}")

    async with asyncio.timeout(TIMEOUT_S):
        changes = [(await payloads.get())["data"] for _ in range(3)]
    assert [change["type"] for change in changes] == ["INSERT", "UPDATE", "DELETE"]
    assert task["id"] == changes[0]["record"]["id"]
    assert (changes[1]["old_record"]["title"], changes[1]["record"]["title"]) == ("Write", "Write more")
    assert changes[2]["old_record"]["title"] == "Write more"

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
from monynha.core.settings import Settings
from tests.live import PATIENCE_S
from tests.people import Person

pytestmark = pytest.mark.anyio


async def client_of(address: str, settings: Settings, person: Person) -> AsyncClient:
    """Return an official client that acts as the person."""
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False)
    client = await acreate_client(f"http://{address}", make_key("anon", settings.jwt_secret), options)
    await client.realtime.set_auth(person.token)
    return client


@pytest.fixture
async def client(address: str, settings: Settings, ada: Person) -> AsyncIterator[AsyncClient]:
    made = await client_of(address, settings, ada)
    yield made
    await made.remove_all_channels()
    await made.realtime.close()


async def subscribed(channel: Any) -> None:
    """Subscribe and wait until the client says so."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    await channel.subscribe(lambda state, error: told.put_nowait((state, error)))
    async with asyncio.timeout(PATIENCE_S):
        state, error = await told.get()
    assert "SUBSCRIBED" == state, error


async def test_the_tasks_of_a_project_are_heard(client: AsyncClient, ada: Person) -> None:
    project = await ada.project()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    channel = client.channel(f"project-{project['id']}-tasks").on_postgres_changes(
        RealtimePostgresChangesListenEvent.All,
        schema="public",
        table="tasks",
        filter=f"project_id=eq.{project['id']}",
        callback=heard.put_nowait,
    )
    await subscribed(channel)

    task = await ada.task(project, title="Write")
    await ada.put(f"/tasks/{task['id']}", {"title": "Write more"})
    await ada.delete(f"/tasks/{task['id']}")

    async with asyncio.timeout(PATIENCE_S):
        changes = [(await heard.get())["data"] for _ in range(3)]
    assert ["INSERT", "UPDATE", "DELETE"] == [one["type"] for one in changes]
    assert task["id"] == changes[0]["record"]["id"]
    assert ("Write", "Write more") == (changes[1]["old_record"]["title"], changes[1]["record"]["title"])
    assert "Write more" == changes[2]["old_record"]["title"]

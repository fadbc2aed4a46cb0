"""What belongs to a closed connection is freed at once: nothing waits for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from monynha.protocols.http.server.connection import HttpConnection
from monynha.protocols.http.server.websocket import WebSocket
from tests.live_server import ws_client
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.graphql.clients import ws_client as graphql_client
from tests.protocols.rest.test_sse import open_stream
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
TASK_TITLES = "subscription ($id: ID!) { taskChanged(projectId: $id) { task { title } } }"


@pytest.fixture
def _no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def open_connections() -> set[int]:
    """Return the ids of the connections that exist."""
    return {id(value) for value in gc.get_objects() if isinstance(value, WebSocket | HttpConnection)}


@pytest.mark.usefixtures("_no_garbage_collector")
@pytest.mark.parametrize("protocol", ["/ws", "phoenix", "graphql", "sse"])
async def test_a_closed_subscriber_is_freed(address: str, user: ApiUser, protocol: str) -> None:
    project = await user.create_project()
    before = open_connections()

    if protocol == "/ws":
        async with ws_client(address, user) as client:
            await client.join(project)
            await user.create_task(project)
            await client.receive("task_created")
    elif protocol == "phoenix":
        async with phoenix_client(address, user.token) as phoenix:
            assert (await phoenix.join("tasks", user.token, tasks_binding()))["status"] == "ok"
            await user.create_task(project)
            await phoenix.receive_change()
    elif protocol == "graphql":
        async with graphql_client(address, user) as graphql:
            await graphql.start_subscription(TASK_TITLES, {"id": project["id"]})
            await user.create_task(project)
            await graphql.receive()
    else:
        async with open_stream(address, user, f"/projects/{project['id']}/events") as stream:
            await user.create_task(project)
            await stream.next()

    async with asyncio.timeout(10):
        while open_connections() - before:
            await asyncio.sleep(0.05)

"""What sockets of `/ws` hear of changes."""

from __future__ import annotations

import pytest

from tests.live import line
from tests.people import Person

pytestmark = pytest.mark.anyio


async def test_a_change_by_rest_reaches_a_joined_socket(address: str, ada: Person) -> None:
    project = await ada.project()
    async with line(address, ada) as socket:
        version = await socket.join(project)
        task = await ada.task(project, title="Write")

        heard = await socket.hear("task_created")

        assert task == heard["task"]
        assert project["id"] == heard["projectId"]
        assert str(ada.id) == heard["userId"]
        assert version + 1 == heard["version"]

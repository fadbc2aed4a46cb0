"""A connection that questions share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monynha.infra.embedded import Servers
from monynha.infra.postgres.lanes import Lanes
from monynha.infra.postgres.roles import APP_ROLE


@pytest.fixture
async def lanes(running_servers: Servers) -> AsyncIterator[Lanes]:
    """Return a single connection that takes sixteen questions at once."""
    made = Lanes(running_servers.database_url, APP_ROLE, size=1, depth=16)
    await made.warm()
    yield made
    made.close()

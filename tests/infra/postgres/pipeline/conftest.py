"""A connection that questions share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE


@pytest.fixture
async def lanes(running_servers: ServerUrls) -> AsyncIterator[PipelinePool]:
    """Return a single connection that takes sixteen questions at once."""
    made = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=16)
    await made.warm_up()
    yield made
    made.close()

"""A pool of one pipelined connection."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.pipeline.pool import PipelinePool
from monynha.infra.postgres.roles import APP_ROLE


@pytest.fixture
async def pool(running_servers: ServerUrls) -> AsyncIterator[PipelinePool]:
    """Return a pool of a single connection with up to sixteen queries in flight."""
    pool = PipelinePool(running_servers.database_url, APP_ROLE, size=1, max_in_flight=16)
    await pool.warm_up()
    yield pool
    pool.close()

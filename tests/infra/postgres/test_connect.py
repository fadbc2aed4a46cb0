"""Settings of the session that a URL carries."""

from __future__ import annotations

import asyncpg
import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.connect import with_session_setting


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://a@host/db", "postgresql://a@host/db?monynha.x=a%2Cb"),
        ("postgresql://a:p%40@/db?host=%2Ftmp%2Fs", "postgresql://a:p%40@/db?host=%2Ftmp%2Fs&monynha.x=a%2Cb"),
    ],
)
def test_a_setting_is_added_to_the_url(url: str, expected: str) -> None:
    assert with_session_setting(url, "monynha.x", "a,b") == expected


@pytest.mark.anyio
async def test_connections_have_the_setting(running_servers: ServerUrls) -> None:
    connection = await asyncpg.connect(with_session_setting(running_servers.database_url, "monynha.x", "a, b&c"))
    try:
        value = await connection.fetchval("select current_setting('monynha.x')")
    finally:
        await connection.close()

    assert value == "a, b&c"

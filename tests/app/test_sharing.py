"""Who shares a database shares a Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monynha.app.sharing import sharing
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers, servers


@pytest.fixture
async def first(tmp_path: Path) -> AsyncIterator[Servers]:
    async with servers(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path / "first")})) as found:
        yield found


@pytest.fixture
async def second(tmp_path: Path, first: Servers) -> AsyncIterator[Servers]:
    """The same database, another Valkey."""
    given = {"DATABASE_URL": first.database_url, "JWT_SECRET": "x" * 32}
    async with servers(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path / "second"), **given})) as found:
        yield found


async def test_another_valkey_beside_the_same_database_is_refused(first: Servers, second: Servers) -> None:
    async with sharing(first.database_url, first.redis_url):
        with pytest.raises(WrongSetting, match=r"^REDIS_URL: other processes use this database with another"):
            async with sharing(second.database_url, second.redis_url):
                pass


async def test_any_number_may_share_both(first: Servers) -> None:
    async with sharing(first.database_url, first.redis_url), sharing(first.database_url, first.redis_url):
        pass


async def test_a_valkey_may_be_changed_when_nobody_runs(first: Servers, second: Servers) -> None:
    async with sharing(first.database_url, first.redis_url):
        pass
    async with sharing(second.database_url, second.redis_url):
        pass


async def test_a_valkey_that_is_away_stops_no_start(first: Servers) -> None:
    async with sharing(first.database_url, "redis://127.0.0.1:1"):
        pass


async def test_a_database_that_is_away_is_named(first: Servers) -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: the database does not answer.$"):
        async with sharing("postgresql://127.0.0.1:1/app", first.redis_url):
            pass

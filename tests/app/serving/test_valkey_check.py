"""Processes that share a database must share a Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monynha.app.serving.valkey_check import claim_valkey
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers


@pytest.fixture
async def first(tmp_path: Path) -> AsyncIterator[ServerUrls]:
    async with run_servers(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path / "first")})) as server_urls:
        yield server_urls


@pytest.fixture
async def second(tmp_path: Path, first: ServerUrls) -> AsyncIterator[ServerUrls]:
    """The same database with another Valkey."""
    environment = {"DATABASE_URL": first.database_url, "JWT_SECRET": "x" * 32}
    async with run_servers(Settings.read({"MONYNHA_DATA_DIR": str(tmp_path / "second"), **environment})) as server_urls:
        yield server_urls


async def test_another_valkey_for_the_same_database_is_refused(first: ServerUrls, second: ServerUrls) -> None:
    async with claim_valkey(first.database_url, first.redis_url):
        with pytest.raises(SettingsError, match=r"^REDIS_URL: other processes use this database with another"):
            async with claim_valkey(second.database_url, second.redis_url):
                pass


async def test_processes_may_share_both(first: ServerUrls) -> None:
    async with (
        claim_valkey(first.database_url, first.redis_url),
        claim_valkey(first.database_url, first.redis_url),
    ):
        pass


async def test_valkey_may_be_changed_while_no_process_runs(first: ServerUrls, second: ServerUrls) -> None:
    async with claim_valkey(first.database_url, first.redis_url):
        pass
    async with claim_valkey(second.database_url, second.redis_url):
        pass


async def test_unreachable_valkey_does_not_stop_the_start(first: ServerUrls) -> None:
    async with claim_valkey(first.database_url, "redis://127.0.0.1:1"):
        pass


async def test_unreachable_database_is_named(first: ServerUrls) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: the database does not answer.$"):
        async with claim_valkey("postgresql://127.0.0.1:1/app", first.redis_url):
            pass

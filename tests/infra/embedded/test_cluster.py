"""The PostgreSQL cluster on disk: created completely, and refused when it does not fit."""

from __future__ import annotations

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, with_jwt_secret
from tests.infra.embedded.probes import wait_for_database


async def test_first_start_that_died_half_way_is_begun_again(postgres_only: Settings) -> None:
    draft = postgres_only.data_dir / "pg.tmp"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    (draft / "base").mkdir()

    async with run_servers(postgres_only) as server_urls:
        await wait_for_database(server_urls)

    assert not draft.exists()


async def test_cluster_of_another_major_version_is_refused(postgres_only: Settings) -> None:
    with_jwt_secret(postgres_only)
    cluster = postgres_only.data_dir / "pg"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("13\n")

    message = r"^MONYNHA_DATA_DIR: \S+/pg is of PostgreSQL 13, this program has \d+$"
    with pytest.raises(SettingsError, match=message):
        async with run_servers(postgres_only):
            pass


async def test_folder_without_a_cluster_is_refused(postgres_only: Settings) -> None:
    with_jwt_secret(postgres_only)
    (postgres_only.data_dir / "pg").mkdir()

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/pg is not a PostgreSQL data folder$"):
        async with run_servers(postgres_only):
            pass

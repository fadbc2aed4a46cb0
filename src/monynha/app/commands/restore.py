"""`monynha restore`: restore a backup into an empty database."""

from __future__ import annotations

import json
from pathlib import Path

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def restore(folder: str, /, *, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Restore a backup into an empty database: a new data folder, or the new database of DATABASE_URL.

    All rows are restored or none, and they are counted afterwards.

    Example: monynha restore /backups/monday --data-dir /srv/new

    Parameters
    ----------
    folder
        The folder that `monynha backup` wrote.
    """
    run(_restore(read_settings(data_dir=data_dir), Path(folder).absolute(), as_json=json_))


async def _restore(settings: Settings, source: Path, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha.app.maintenance.backup import read_manifest, restore_backup
    from monynha.infra.embedded import adopt_jwt_secret, find_postgres, run_servers
    from monynha.infra.postgres.pg_tools import PgTools

    read_manifest(source)
    with Console(stderr=True).status("Restoring …"):
        async with run_servers(settings) as server_urls:
            tools = PgTools(find_postgres(settings.postgres_bin), server_urls.owner_url)
            manifest = await restore_backup(tools, source)
            if manifest.jwt_secret:
                adopt_jwt_secret(settings, manifest.jwt_secret)
    if as_json:
        print(json.dumps({"path": str(source), "tables": len(manifest.tables), "rows": manifest.rows}))
    else:
        print(f"{manifest.rows} rows of {len(manifest.tables)} tables are restored, as of {manifest.made_at}")

"""`monynha backup`: write the whole database to a folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def backup(folder: str | None = None, /, *, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Write the whole database to a new folder; the program may run meanwhile.

    The folder contains password hashes and, unless JWT_SECRET is set, the key that signs tokens: keep it safe.

    Example: monynha backup /backups/monday

    Parameters
    ----------
    folder
        The folder to create (default: one named after the time, in the working directory).
    """
    settings = read_settings(data_dir=data_dir)
    now = datetime.now(UTC)
    target = Path(folder or f"monynha-backup-{now:%Y-%m-%dT%H-%M-%SZ}").absolute()
    run(_backup(settings, target, now, as_json=json_))


async def _backup(settings: Settings, target: Path, now: datetime, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha.app.maintenance.backup import create_backup
    from monynha.infra.embedded import find_postgres, generated_jwt_secret, run_servers
    from monynha.infra.postgres.pg_tools import PgTools

    with Console(stderr=True).status("Writing the backup …"):
        async with run_servers(settings) as server_urls:
            tools = PgTools(find_postgres(settings.postgres_bin), server_urls.owner_url)
            manifest = await create_backup(tools, target, created_at=now, jwt_secret=generated_jwt_secret(settings))
    if as_json:
        print(json.dumps({"path": str(target), "tables": len(manifest.tables), "rows": manifest.rows}))
    else:
        print(f"{target} holds {manifest.rows} rows of {len(manifest.tables)} tables")

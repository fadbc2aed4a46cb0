"""`monynha migrate`: bring the database to this release."""

from __future__ import annotations

import json

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def migrate(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Bring the database to this release: run migrations, then apply every policy and grant anew.

    It logs in with DATABASE_OWNER_URL if that is set. An embedded database is migrated by `serve` itself.

    Example: monynha migrate
    """
    run(_migrate(read_settings(data_dir=data_dir), as_json=json_))


async def _migrate(settings: Settings, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha import __version__
    from monynha.app.maintenance.migration import migrate as migrate_database
    from monynha.infra.embedded import run_servers
    from monynha.infra.postgres.login import login_name

    with Console(stderr=True).status("Migrating …"):
        async with run_servers(settings) as server_urls:
            changed = await migrate_database(server_urls.owner_url, app_login=login_name(server_urls.database_url))
    if as_json:
        print(json.dumps({"release": __version__, "changed": changed}))
    else:
        print(f"The database is at release {__version__}{'' if changed else '; nothing was to do'}.")

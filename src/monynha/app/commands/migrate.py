"""`monynha migrate`: bring the database to this release."""

from __future__ import annotations

import json

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings import Settings


def migrate(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Bring the database to this release: its schema, then every policy and grant anew.

    It logs in by DATABASE_OWNER_URL where that is set. An embedded database is brought up by `serve` itself.

    Example: monynha migrate
    """
    run(_migrate(read_settings(data_dir=data_dir), as_json=json_))


async def _migrate(settings: Settings, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha import __version__
    from monynha.app.migrate import migrate as bring
    from monynha.infra.embedded import servers
    from monynha.infra.postgres.login import login_of

    with Console(stderr=True).status("Migrating …"):
        async with servers(settings) as found:
            changed = await bring(found.owner_url, app=login_of(found.database_url))
    if as_json:
        print(json.dumps({"release": __version__, "changed": changed}))
    else:
        print(f"The database is at release {__version__}{'' if changed else ', as it was'}.")

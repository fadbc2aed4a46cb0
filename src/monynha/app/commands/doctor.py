"""`monynha doctor`: check settings, servers and rights."""

from __future__ import annotations

import json
import sys

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def doctor(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Check the settings, the servers, and that row-level security protects every table.

    The exit code is 1 if something is dangerous: the program would not start with it.

    Example: monynha doctor
    """
    run(_doctor(read_settings(data_dir=data_dir), as_json=json_))


async def _doctor(settings: Settings, *, as_json: bool) -> None:
    from monynha.app.maintenance.doctor import run_checks

    checks = await run_checks(settings)
    if as_json:
        print(json.dumps([{"check": check.name, "level": check.level, "says": check.message} for check in checks]))
    else:
        for check in checks:
            print(f"{check.level:<8} {check.name}: {check.message}")
    if any(check.level == "danger" for check in checks):
        sys.exit(1)

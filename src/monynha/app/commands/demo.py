"""`monynha demo`: a believable workspace to look around in."""

from __future__ import annotations

import json

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.app.refused import Refused
from monynha.core.settings import Settings


def demo(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Fill the database with a believable workspace: five people, three projects, their tasks and posts.

    Example: monynha demo
    """
    settings = read_settings(data_dir=data_dir)
    if settings.is_production:
        raise Refused("APP_ENV: a demo's people have a known password, so production takes none")
    run(_demo(settings, as_json=json_))


async def _demo(settings: Settings, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha.app.demo import make_demo
    from monynha.app.housekeeping import house

    with Console(stderr=True).status("Making the workspace …"):
        async with house(settings) as found:
            made = await make_demo(found.database, found.accounts)
    if as_json:
        print(json.dumps({"emails": list(made.emails), "password": made.password} if made else None))
    elif made is None:
        print("The demo is there already.")
    else:
        print(f"Sign in as {', '.join(made.emails)}; the password is {made.password}")

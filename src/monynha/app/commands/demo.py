"""`monynha demo`: a believable workspace to look around in."""

from __future__ import annotations

import json

from monynha.app.command_error import CommandError
from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def demo(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Fill the database with a believable workspace: five people, three projects, their tasks and posts.

    Example: monynha demo
    """
    settings = read_settings(data_dir=data_dir)
    if settings.is_production:
        raise CommandError("APP_ENV: a demo's people have a known password, so production takes none")
    run(_demo(settings, as_json=json_))


async def _demo(settings: Settings, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha.app.commands.command_context import command_context
    from monynha.app.maintenance.demo import create_demo

    with Console(stderr=True).status("Making the workspace …"):
        async with command_context(settings) as context:
            demo_data = await create_demo(context.database, context.accounts)
    if as_json:
        print(json.dumps({"emails": list(demo_data.emails), "password": demo_data.password} if demo_data else None))
    elif demo_data is None:
        print("The demo is there already.")
    else:
        print(f"Sign in as {', '.join(demo_data.emails)}; the password is {demo_data.password}")

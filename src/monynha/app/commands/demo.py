"""`monynha demo`: example data to explore the program with."""

from __future__ import annotations

import json

from monynha.app.command_error import CommandError
from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings


def demo(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Fill the database with example data: five users, three projects, their tasks and posts.

    Example: monynha demo
    """
    settings = read_settings(data_dir=data_dir)
    if settings.is_production:
        raise CommandError("APP_ENV: the accounts of the demo have a known password, so production refuses it")
    run(_demo(settings, as_json=json_))


async def _demo(settings: Settings, *, as_json: bool) -> None:
    from rich.console import Console

    from monynha.app.commands.command_context import command_context
    from monynha.app.maintenance.demo import create_demo

    with Console(stderr=True).status("Creating the demo …"):
        async with command_context(settings) as context:
            accounts = await create_demo(context.database, context.accounts)
    if as_json:
        print(json.dumps({"emails": list(accounts.emails), "password": accounts.password} if accounts else None))
    elif accounts is None:
        print("The demo exists already.")
    else:
        print(f"Sign in as {', '.join(accounts.emails)}; the password is {accounts.password}")

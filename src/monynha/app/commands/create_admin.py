"""`monynha create-admin`: make an account a system admin."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from monynha.app.commands.options import AsJson, DataDir, Password, read_password, read_settings, run
from monynha.core.settings.settings import Settings


def create_admin(
    email: Annotated[str, Parameter(help="The email address of the account, which is created if there is none.")],
    /,
    *,
    password: Password = None,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """Make an account a system admin, who has the rights of every project owner.

    Example: monynha create-admin ada@example.com
    """
    run(_create_admin(read_settings(data_dir=data_dir), email, password, as_json=json_))


async def _create_admin(settings: Settings, email: str, password: str | None, *, as_json: bool) -> None:
    from monynha.app.command_error import app_errors_as_command_errors
    from monynha.app.commands.command_context import command_context

    async with command_context(settings) as context:
        with app_errors_as_command_errors():
            if password is None and not await context.accounts.exists(email):
                password = read_password()
            account = await context.accounts.grant_admin_role(email, password)
    if as_json:
        print(json.dumps({"id": str(account.id), "email": account.email}))
    else:
        print(f"{account.email} is an admin.")

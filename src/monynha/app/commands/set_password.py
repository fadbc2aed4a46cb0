"""`monynha set-password`: set the password of an account."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from monynha.app.commands.options import DataDir, Password, read_password, read_settings, run
from monynha.core.settings.settings import Settings


def set_password(
    email: Annotated[str, Parameter(help="The email address of the account.")],
    /,
    *,
    password: Password = None,
    data_dir: DataDir = None,
) -> None:
    """Set the password of an account, and end all its sessions.

    Example: monynha set-password ada@example.com
    """
    run(_set_password(read_settings(data_dir=data_dir), email, password or read_password()))


async def _set_password(settings: Settings, email: str, password: str) -> None:
    from monynha.app.command_error import app_errors_as_command_errors
    from monynha.app.commands.command_context import command_context

    async with command_context(settings) as context:
        with app_errors_as_command_errors():
            account = await context.accounts.set_password(email, password)
    print(f"{account.email} has the new password, and must sign in again on every device.")

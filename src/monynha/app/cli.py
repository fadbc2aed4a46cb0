"""The command line of `monynha`: its list of commands, each a module of its own that is imported when it runs."""

from __future__ import annotations

import sys

from cyclopts import App

from monynha.app.command_error import CommandError
from monynha.core.errors import SettingsError

_EXAMPLE = "Example: monynha serve --port 9000"
_COMMANDS = (
    "serve",
    "migrate",
    "keys",
    "create-admin",
    "set-password",
    "demo",
    "doctor",
    "jobs",
    "audit",
    "schedules",
    "backup",
    "restore",
    "openapi",
    "graphql-schema",
)


def make_app() -> App:
    """Build the command line with all its commands."""
    app = App(
        name="monynha",
        help=f"A self-hosted back end and board for teams that plan work together.\n\n{_EXAMPLE}",
        version_flags=["--version"],
    )
    for name in _COMMANDS:
        module = name.replace("-", "_")
        app.command(f"monynha.app.commands.{module}:{module}", name=name)
    return app


def main() -> None:
    """Run the command of `sys.argv`; an error of the user or the settings is printed as one line."""
    app = make_app()
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        for name in _COMMANDS:
            _ = app[name]  # looking a command up imports it, which the overview needs for its summary
    try:
        app()
    except (CommandError, SettingsError) as error:
        sys.exit(f"monynha: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

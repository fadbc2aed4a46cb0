"""What commands share: options, reading settings and passwords, running a coroutine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from getpass import getpass
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import with_jwt_secret

T = TypeVar("T")

DataDir = Annotated[
    str | None, Parameter(name="--data-dir", help="The data folder (MONYNHA_DATA_DIR, default ./data).")
]
Password = Annotated[str | None, Parameter(help="The password (default: ask for it, or read it from a pipe).")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON, for scripts.")]


def read_settings(*, data_dir: str | None = None, **flags: str | None) -> Settings:
    """Read the settings; an option takes precedence over the setting of its name."""
    values = {"data_dir": data_dir, **flags}
    environment = {f"MONYNHA_{name.upper()}": text for name, text in values.items() if text is not None}
    return with_jwt_secret(Settings.read({**os.environ, **environment}, Path(".env")))


def read_password() -> str:
    """Ask for a password on a terminal, or read one line from a pipe."""
    if sys.stdin.isatty():
        return getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def run(coroutine: Coroutine[None, None, T]) -> T:
    """Run a coroutine on uvloop, the event loop of the program."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)

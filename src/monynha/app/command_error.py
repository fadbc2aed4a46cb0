"""Why a command does nothing, in one line for who typed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monynha.core.errors import AppError


class CommandError(Exception):
    """The command cannot be done; the message says why, and nothing was changed."""


@contextmanager
def app_errors_as_command_errors() -> Iterator[None]:
    """Tell a fault of the program as a command's refusal."""
    try:
        yield
    except AppError as error:
        problems = "; ".join(f"{name} {problem}" for name, problem in error.details.items())
        raise CommandError(problems or error.message) from None

"""The error of a command that cannot be done, shown as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monynha.core.errors import AppError


class CommandError(Exception):
    """The command cannot be done; the message says why. Nothing was changed."""


@contextmanager
def app_errors_as_command_errors() -> Iterator[None]:
    """Raise an AppError, such as a failed validation, as a CommandError."""
    try:
        yield
    except AppError as error:
        problems = "; ".join(f"{name} {problem}" for name, problem in error.details.items())
        raise CommandError(problems or error.message) from None

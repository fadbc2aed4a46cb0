"""Why a command does nothing, in one line for who typed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monynha.core.errors import Fault


class Refused(Exception):
    """The command cannot be done; the message says why, and nothing was changed."""


@contextmanager
def refusing() -> Iterator[None]:
    """Tell a fault of the program as a command's refusal."""
    try:
        yield
    except Fault as fault:
        told = "; ".join(f"{name} {problem}" for name, problem in fault.details.items())
        raise Refused(told or fault.message) from None

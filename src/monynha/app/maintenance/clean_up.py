"""The daily clean-up: steps that each delete what is no longer needed, from the database and the object store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

_log = structlog.get_logger("monynha.maintenance")

CleanUpStep = Callable[[datetime], Awaitable[int]]
"""Deletes what is no longer needed at a time, and returns how much that was; run twice, it deletes nothing more."""


class CleanUpError(Exception):
    """Some steps failed; the others are done."""

    def __init__(self, failed: Mapping[str, Exception]) -> None:
        super().__init__(f"the clean-up failed in part: {', '.join(sorted(failed))}")
        self.failed = failed


@dataclass(frozen=True)
class CleanUp:
    """Runs its steps one after the other, by name."""

    steps: Mapping[str, CleanUpStep]

    async def run(self, now: datetime) -> dict[str, int]:
        """Run every step, even if an earlier one failed; return what each deleted.

        Raises CleanUpError if any failed, so that the job is run again.
        """
        counts: dict[str, int] = {}
        failed: dict[str, Exception] = {}
        for name, step in self.steps.items():
            try:
                counts[name] = await step(now)
            except Exception as error:  # whatever it is, the other steps do not depend on this one
                _log.warning("a step of the clean-up failed", step=name, err={"type": type(error).__name__})
                failed[name] = error
        _log.info("clean-up", **counts)
        if failed:
            raise CleanUpError(failed) from next(iter(failed.values()))
        return counts

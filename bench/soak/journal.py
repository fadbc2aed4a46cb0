"""What writers committed and what subscribers received of one project: each change exactly once and in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Change(NamedTuple):
    """A change of a task; no two changes of a run are equal, since each title is used once."""

    event_type: str
    """As `task_updated`."""
    task_id: str
    title: str


@dataclass
class Journal:
    """The changes of a project: by the responses to their writers, and by the events of all subscribers."""

    committed: set[Change] = field(default_factory=set)
    received: dict[int, Change] = field(default_factory=dict)
    """By version."""

    def not_received(self) -> set[Change]:
        """Return the committed changes that no subscriber received."""
        return self.committed - set(self.received.values())

    def repeated(self) -> int:
        """Return how many events repeat a change that another version has."""
        return len(self.received) - len(set(self.received.values()))


@dataclass
class Subscription:
    """What one subscriber of a project has received."""

    journal: Journal
    version: int

    def receive(self, version: int, change: Change) -> str | None:
        """Record an event; return what is wrong with it, or None.

        Afterwards the subscription continues from the version that came, so that one fault is reported once.
        """
        expected, self.version = self.version + 1, version
        if version != expected:
            return f"version {version} came where {expected} was next"
        if self.journal.received.setdefault(version, change) != change:
            return f"version {version} is another change than for other subscribers"
        return None


def undelivered(journal: Journal, subscriptions: Sequence[Subscription], current_version: int) -> list[str]:
    """Return what is missing once the writers have stopped; empty when everybody has received everything."""
    behind = [current_version - each.version for each in subscriptions if each.version < current_version]
    problems = []
    if behind:
        problems.append(f"{len(behind)} of {len(subscriptions)} subscribers lack up to {max(behind)} events")
    elif lost := journal.not_received():
        problems.append(f"{len(lost)} committed changes have no event, as {sorted(lost)[0]}")
    if repeated := journal.repeated():
        problems.append(f"{repeated} events repeat a change")
    return problems

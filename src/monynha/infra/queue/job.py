"""Jobs as handlers see them, how a handler is declared, and the errors by which it reports a failure."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from monynha.core.actor import Actor, ActorKind, system_actor

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A JSON value."""
P = TypeVar("P")

DEFAULT_TIMEOUT_S = 300.0
"""How long an attempt may take, unless its handler declares another time."""


class PermanentJobError(Exception):
    """The job cannot succeed, so it is not tried again; admins see the text as the job's error."""


class TemporaryJobError(Exception):
    """The attempt failed and may succeed later; admins see the text as the job's error.

    Any other exception is a failed attempt too, of which admins see the type only: its text may hold what is secret.
    """


@dataclass(frozen=True, slots=True)
class Job(Generic[P]):
    """One attempt to do a job.

    A job is done at least once: `id` is the same in all attempts, so that an effect can be recognized as done.
    """

    id: UUID
    queue: str
    payload: P = field(repr=False)
    # Not in logs and error messages: it may hold an address or a link with a one-time token.
    attempt: int
    """1 for the first."""
    requester_id: UUID | None
    """The user whose change enqueued it; None for the program itself."""
    actor: Actor
    """On whose behalf it runs: its handler's system actor, or the requester, whose account was active just now."""
    _on_progress: Callable[[int], None]

    def report_progress(self, percent: int) -> None:
        """Show admins how far the attempt is, in percent; stored within a few seconds."""
        self._on_progress(max(0, min(100, percent)))


@dataclass(frozen=True, eq=False)
class JobHandler(Generic[P]):
    """How the jobs of one queue are done.

    `payload_type` is a frozen dataclass, `handle` returns the job's result. The handler may run again for a job that
    it has done already, if the worker stops in between.
    """

    queue: str
    payload_type: type[P]
    handle: Callable[[Job[P]], Awaitable[Json]]
    runs_as_requester: bool = False
    """Whether `job.actor` is the user who enqueued it, instead of the system actor named like the queue."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """How long an attempt may take; then it is cancelled and has failed."""

    def actor_of(self, requester_id: UUID | None) -> Actor:
        """Return the actor of a job; the database decides whether the requester's account is still active."""
        if not self.runs_as_requester or requester_id is None:
            return system_actor(self.queue)
        return requester_actor(requester_id)


AnyJobHandler: TypeAlias = "JobHandler[Any]"
"""A handler of whatever payload; the worker parses each job's payload as the type that its handler declares."""


def requester_actor(user_id: UUID) -> Actor:
    """Return a user as an actor without a session: the database rejects it once the account is deleted or banned."""
    claims = json.dumps({"sub": str(user_id), "role": ActorKind.USER.value})
    return Actor(ActorKind.USER, id=user_id, claims=claims)

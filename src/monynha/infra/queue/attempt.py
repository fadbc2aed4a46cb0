"""One attempt to do a job: from the claimed row to the outcome that is recorded."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any, Literal

import orjson
import structlog

from monynha.core.actor import ActorKind
from monynha.core.errors import AppError, UnauthenticatedError
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import AnyJobHandler, Job, PermanentJobError, TemporaryJobError
from monynha.infra.queue.job_store import ClaimedJob, JobOutcome, RecordedOutcome
from monynha.infra.queue.payload import PayloadError, parse_payload

_log = structlog.get_logger("monynha.jobs")
_MAX_RESULT_BYTES = 100_000
_ACCOUNT_INACTIVE = "The account of the user who requested it is no longer active."

Interruption = Literal["lost", "stopped"]
"""Why an attempt is ended early: the job is no longer the worker's, or the worker stops."""


class Attempt:
    """A claimed job and its handler; `run` does it once."""

    __slots__ = ("_database", "_handler", "_interruption", "_timeout", "claimed", "claimed_at", "progress")

    def __init__(self, claimed: ClaimedJob, handler: AnyJobHandler, database: Database, *, claimed_at: float) -> None:
        self.claimed = claimed
        self.claimed_at = claimed_at
        """When it was claimed, by the clock of the event loop."""
        self.progress = 0
        self._handler = handler
        self._database = database
        self._timeout: asyncio.Timeout | None = None
        self._interruption: Interruption | None = None

    @property
    def is_overdue(self) -> bool:
        """Whether its time is over, or it was interrupted."""
        return self._timeout is not None and self._timeout.expired()

    def interrupt(self, reason: Interruption) -> None:
        """Cancel the handler, if it runs: as the end of its time does, but with another outcome."""
        if self._interruption is None and self._timeout is not None and not self._timeout.expired():
            self._interruption = reason
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> RecordedOutcome | None:
        """Run the handler and return the outcome; None if the job is no longer the worker's."""
        try:
            async with asyncio.timeout(self._handler.timeout_s) as self._timeout:
                result = await self._handle()
            encoded_size = len(_encode_result(result))
        # Whatever a handler raises is its job's failure; the worker goes on.
        except Exception as error:
            return self._failure(error)
        except asyncio.CancelledError as error:
            # Of something that the handler waited for; unless the worker itself is cancelled.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return self._failure(error)
        finally:
            self._timeout = None
        if encoded_size > _MAX_RESULT_BYTES:
            return self._outcome("dead", "The result is too large to be stored.")
        claimed = self.claimed
        return RecordedOutcome(claimed.id, claimed.attempt, "completed", result=result)

    def released(self) -> RecordedOutcome:
        """Return the outcome of an attempt that is given back."""
        return self._outcome("released")

    async def _handle(self) -> Any:
        claimed, handler = self.claimed, self._handler
        payload = parse_payload(handler.payload_type, claimed.payload)
        actor = handler.actor_of(claimed.requester_id)
        if actor.kind is ActorKind.USER:
            await self._database.as_actor(actor).require_live_session()
        return await handler.handle(
            Job(claimed.id, claimed.queue, payload, claimed.attempt, claimed.requester_id, actor, self._set_progress)
        )

    def _set_progress(self, percent: int) -> None:
        self.progress = percent

    def _failure(self, error: BaseException) -> RecordedOutcome | None:
        if self._interruption == "lost":
            return None
        if self._interruption == "stopped":
            return self.released()
        outcome: JobOutcome = "failed"
        if isinstance(error, PermanentJobError | PayloadError):
            outcome, text = "dead", str(error)
        elif isinstance(error, UnauthenticatedError) and self._handler.runs_as_requester:
            outcome, text = "dead", _ACCOUNT_INACTIVE
        elif isinstance(error, TemporaryJobError):
            text = str(error)
        elif isinstance(error, AppError):
            text = error.message
        elif isinstance(error, TimeoutError) and self._timeout is not None and self._timeout.expired():
            text = f"The attempt took longer than {self._handler.timeout_s:g} seconds."
        else:
            text = f"The handler failed ({type(error).__name__})."
        self._log_failure(error, outcome)
        return self._outcome(outcome, text)

    def _log_failure(self, error: BaseException, outcome: JobOutcome) -> None:
        # Neither the payload nor the error's text, which may hold an address or a link with a one-time token.
        stack = "".join(traceback.format_tb(error.__traceback__))
        claimed = self.claimed
        _log.warning(
            "job failed",
            queue=claimed.queue,
            jobId=str(claimed.id),
            attempt=claimed.attempt,
            isPermanent=outcome == "dead",
            err={"type": type(error).__name__, "stack": stack},
        )

    def _outcome(self, outcome: JobOutcome, error: str | None = None) -> RecordedOutcome:
        # PostgreSQL's text has neither NUL nor half a character.
        text = None if error is None else error.replace("\x00", "").encode("utf-8", "replace").decode()
        return RecordedOutcome(self.claimed.id, self.claimed.attempt, outcome, error=text)


def _encode_result(result: object) -> bytes:
    """Return the result as JSON; raise PermanentJobError if the database cannot store it."""
    try:
        encoded = orjson.dumps(result)
    except TypeError:
        raise PermanentJobError("The result is not JSON.") from None
    if b"\\u0000" in encoded:
        raise PermanentJobError("The result holds a NUL character.")
    return encoded

"""The third verb: hear what happens. One hub a process reads each event once and hands it to all who listen.

A listener joins a stream, which proves their right by a query. Events that expel somebody cut them off at
their own place in the stream, and nothing later reaches them. Whoever joins at a version that is past first
hears what they missed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from monynha.core.errors import Fault, NotFound, Unauthenticated, Unavailable
from monynha.engine.history import PAGE, Event, History, Stream
from monynha.engine.rights import Rights, sees_all
from monynha.engine.seats import Listener, Seat
from monynha.infra.postgres.database import Acting

_log = structlog.get_logger("monynha.hub")
_POLL_S = 1.0
_MOST_MISSED = 10_000
_ACCOUNT = frozenset({"sessions", "accounts"})
"""What the history tells of accounts: it is for the hub, and nobody hears it."""


@dataclass(eq=False)
class _Tail:
    """The end of a stream that somebody listens to."""

    version: int | None = None
    seats: dict[Listener, Seat] = field(default_factory=dict)
    has_ended: bool = False


class Hub:
    """Reads what happens in the streams that somebody of this process listens to."""

    def __init__(self, history: History, rights: Rights) -> None:
        self.history = history
        self.rights = rights
        self._tails: dict[Stream, _Tail] = {}
        self._dirty: set[Stream] = set()
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_unknown: list[Callable[[Stream], None]] = []
        """Told of every stream that was written to and that nobody listens to."""

    def start(self) -> None:
        """Read from now on, in the background."""
        for work in (self._read_on(), self._poll()):
            self._spawn(work)

    async def close(self) -> None:
        """Stop reading."""
        for task in list(self._tasks):
            task.cancel()

    def wake(self, streams: Iterable[Stream]) -> None:
        """Look at these streams soon: they were written to."""
        for stream in streams:
            if stream in self._tails:
                self._dirty.add(stream)
                self._woken.set()
            else:
                for told in self.on_unknown:
                    told(stream)

    def wake_all(self) -> None:
        """Look at every stream soon: a wake-up may have been lost."""
        self.wake(list(self._tails))

    async def join(
        self,
        acting: Acting,
        stream: Stream,
        listener: Listener,
        *,
        since: int | None = None,
        is_proven: bool = False,
    ) -> Seat:
        """Return a seat at the stream, from `since` on; NotFound where the actor may not hear it.

        `is_proven` is for whoever hears of the right's end by other means, as by the person's own stream.
        """
        if not is_proven and stream not in self._tails:
            # Strangers hear no as fast, whether somebody listens there, nobody does, or nothing is there.
            await self.rights.prove(acting, stream)
        # Seated first and proven then: an event that expels them in between finds them.
        seat = await self._seated(stream, listener)
        try:
            if not is_proven:
                await self.rights.prove(acting, stream)
            if since is not None:
                await self._catch_up(stream, seat, since)
            if seat.is_lost:
                raise NotFound()
        except BaseException:
            self.leave(stream, listener)
            raise
        return seat

    def leave(self, stream: Stream, listener: Listener) -> None:
        """Give the seat back."""
        tail = self._tails.get(stream)
        if tail is not None:
            seat = tail.seats.pop(listener, None)
            if seat is not None:
                seat.leave()
            if not tail.seats:
                del self._tails[stream]

    def listens(self, stream: Stream, listener: Listener) -> bool:
        """Whether the listener has a seat at the stream."""
        tail = self._tails.get(stream)
        return tail is not None and listener in tail.seats

    async def _seated(self, stream: Stream, listener: Listener) -> Seat:
        tail = self._tails.get(stream)
        if tail is None:
            tail = self._tails[stream] = _Tail()
        assert listener not in tail.seats, "one seat a listener"
        seat = tail.seats[listener] = Seat(listener, 0)
        if tail.version is None:
            try:
                found = await self.history.versions([stream])
            except BaseException:
                self.leave(stream, listener)
                raise
            if tail.version is None:
                tail.version = found.get(stream, 0)
                # What was written between the reading and now woke nobody.
                self.wake([stream])
        seat.version = tail.version
        return seat

    async def _catch_up(self, stream: Stream, seat: Seat, since: int) -> None:
        now = seat.version
        if since > now:
            # They may know of a commit that is not read here yet, or of a history that is no more.
            found = await self.history.versions([stream])
            if since > found.get(stream, 0):
                seat.is_complete = False
            else:
                seat.waiting = [event for event in seat.waiting or [] if event.version > since]
                seat.version = since
            return
        if now - since > _MOST_MISSED:
            seat.is_complete = False
            return
        missed: list[Event] = []
        while since < now:
            page = await self.history.between(stream, since, now, most=PAGE)
            if not page or page[0].version != since + 1:
                seat.is_complete = False
                return
            missed += page
            since = page[-1].version
        missed = [event for event in missed if event.resource not in _ACCOUNT]
        seat.waiting = [*missed, *(seat.waiting or [])]

    async def _read_on(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            dirty, self._dirty = self._dirty, set()
            since = {
                stream: tail.version
                for stream in dirty
                if (tail := self._tails.get(stream)) is not None and tail.version is not None
            }
            if not since:
                continue
            try:
                events = await self.history.after(since)
            except Fault as fault:
                if not isinstance(fault, Unavailable):
                    _log.error("failed to read", err={"type": type(fault).__name__})
                await asyncio.sleep(0.2)
                self.wake(dirty)
                continue
            for event in events:
                self._hand_out(event)
            full = Counter(event.stream for event in events)
            self.wake(stream for stream, count in full.items() if count == PAGE)

    async def _poll(self) -> None:
        seen: set[Stream] = set()
        while True:
            await asyncio.sleep(_POLL_S)
            with suppress(Fault):
                whole = self.rights.shared if self.on_unknown else ()
                named = [one for one in self._tails if one.kind not in whole]
                found = await self.history.versions(named) if named else {}
                for kind in whole:
                    found |= await self.history.streams_of(kind)
                # What nobody listens to is told once, when it is new: of what is gone the stream remains.
                unknown = [one for one in found if one not in self._tails and one not in seen]
                self.wake(
                    [*unknown, *(one for one, version in found.items() if self._is_behind(one, version))]
                )
                seen = set(found)

    def _is_behind(self, stream: Stream, version: int) -> bool:
        tail = self._tails.get(stream)
        return tail is not None and tail.version is not None and tail.version < version

    def _hand_out(self, event: Event) -> None:
        tail = self._tails.get(event.stream)
        if tail is None or tail.version is None or event.version <= tail.version:
            return
        tail.version = event.version
        if event.resource in _ACCOUNT:
            self._spawn(self._check_account(event))
            return
        tail.has_ended = tail.has_ended or self.rights.ends(event)
        for seat in list(tail.seats.values()):
            try:
                seat.take(event)
            except Exception as error:
                # One listener's fault is not another's loss.
                _log.error("a listener failed", err={"type": type(error).__name__, "message": str(error)})
        if event.verb == "delete" and not tail.has_ended:
            self._expel(event, tail)
        if self.rights.ends(event):
            self._spawn(self._check_account(event))

    def _expel(self, event: Event, tail: _Tail) -> None:
        expelled = self.rights.admitted(event)
        if expelled is None or expelled[0] != event.stream:
            return
        for listener, seat in list(tail.seats.items()):
            actor = listener.actor
            if actor.id == expelled[1] and not sees_all(actor.kind, is_admin=actor.is_admin):
                seat.is_lost = True
                self.leave(event.stream, listener)
                listener.lose(event.stream)

    async def _check_account(self, event: Event) -> None:
        """Something happened to somebody's account or session: whoever may no longer listen is told."""
        tail = self._tails.get(event.stream)
        for listener in list(tail.seats) if tail is not None else []:
            actor = listener.actor
            if event.resource == "sessions" and actor.session_id != event.row_id:
                continue
            await self.review(listener)

    async def review(self, listener: Listener) -> None:
        """Prove every right of a listener's actor anew: lost streams are told, or the end of the session."""
        acting = self.history.database.acting(listener.actor)
        try:
            await _patiently(acting.check_live)
        except Unauthenticated:
            listener.end()
            return
        for stream, tail in list(self._tails.items()):
            for one in [each for each in tail.seats if each.actor.id == listener.actor.id]:
                await self.review_stream(stream, one)

    async def review_stream(self, stream: Stream, listener: Listener) -> None:
        """Prove a listener's right to one stream anew; where it is gone the stream is lost."""
        acting = self.history.database.acting(listener.actor)
        try:
            await _patiently(lambda: self.rights.prove(acting, stream))
        except (NotFound, Unauthenticated):
            if self.listens(stream, listener):
                self.leave(stream, listener)
                listener.lose(stream)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do it once the database is there."""
    while True:
        try:
            return await work()
        except Unavailable:
            await asyncio.sleep(_POLL_S)


def wakes(told: str) -> list[Stream]:
    """Read which streams a transaction wrote to, as its triggers tell it: `kind id version,…`."""
    found = (one.split(" ") for one in told.split(","))
    return [Stream(kind, UUID(id)) for kind, id, _ in found]

"""One subscription under way: the listener of its stream, or a guest of its room."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from monynha.core.actor import Actor
from monynha.core.errors import Fault, Internal, NotFound, PreconditionFailed, Unauthenticated, Unavailable
from monynha.engine.history import Event, Stream
from monynha.engine.rooms import Rooms, room_of
from monynha.engine.seats import Outlet
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Acting
from monynha.protocols.graphql.teller import Teller
from monynha.protocols.graphql.telling import Telling
from monynha.protocols.graphql.told import Told

_MANY_UNTOLD, _MOST_UNTOLD = 500, 5_000
_TOO_MUCH = "More happens than can be told; ask for less, or listen again."
_CATCHING_UP = 2
_TRIES = 30
_PAUSE_S = 1.0


class Sink(Protocol):
    """Where the answers of one subscription go. Its methods return at once."""

    @property
    def outlet(self) -> Outlet:
        """What takes them to the other side."""

    def next(self, answer: bytes) -> None:
        """Take an answer."""

    def fail(self, fault: Fault) -> None:
        """Take the last word: why there are no more."""


@dataclass(frozen=True)
class Listening:
    """What every subscription needs."""

    hub: Hub
    rooms: Rooms
    teller: Teller
    catching_up: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CATCHING_UP))
    """What was missed is held in memory until it is told."""


class Subscription:
    """Hears one stream and tells its sink, in order, until somebody stops it."""

    def __init__(self, listening: Listening, telling: Telling, acting: Acting, sink: Sink) -> None:
        self._listening = listening
        self._telling = telling
        self.acting = acting
        self._sink = sink
        self._untold: deque[Told] = deque()
        self._work: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def actor(self) -> Actor:
        """Who listens."""
        return self.acting.actor

    @property
    def outlet(self) -> Subscription:
        """Itself: what is heard waits for what has to be asked first, and for the other side to read."""
        return self

    @property
    def is_full(self) -> bool:
        """Whether more should wait."""
        return len(self._untold) >= _MANY_UNTOLD or self._sink.outlet.is_full

    async def drained(self) -> None:
        """Return once most is told and read."""
        if self._work is not None:
            await asyncio.wait({self._work})
        await self._sink.outlet.drained()

    def cut_off(self) -> None:
        """End: more happens than is read."""
        self._fail(Unavailable(_TOO_MUCH))

    async def start(self) -> None:
        """Take a seat at the stream and tell from now on, or from the position that was given."""
        if self._telling.since is None:
            await self._begin()
        else:
            async with self._listening.catching_up:
                await self._begin()

    async def _begin(self) -> None:
        stream = self._telling.stream
        seat = await self._listening.hub.join(self.acting, stream, self, since=self._telling.since)
        if not seat.is_complete:
            self.stop()
            raise PreconditionFailed("Not all that you missed is known any more; ask anew, and then listen.")
        if self._is_over:
            # Whoever asked for it has left while it was proven that they may.
            self.stop()
            return
        self._listening.rooms.enter(room_of(stream), self)
        seat.open()

    def stop(self) -> None:
        """Hear no more."""
        self._is_over = True
        self._untold.clear()
        self._listening.hub.leave(self._telling.stream, self)
        self._listening.rooms.leave(room_of(self._telling.stream), self)

    # What the hub and the rooms say.

    def hear(self, event: Event) -> None:
        """Take an event."""
        self._take(self._telling.heard(event))

    def overhear(self, room: str, said: bytes) -> None:
        """Take what others show; of what waits only the latest of each person is worth telling."""
        told = self._telling.overheard(said)
        if told is not None and self._untold:
            who = told.values["userId"]
            self._untold = deque(one for one in self._untold if one.values["userId"] != who)
        self._take(told)

    def lose(self, stream: Stream) -> None:
        """End: it may not be heard any more."""
        self._fail(NotFound())

    def end(self) -> None:
        """End: the session is over."""
        self._fail(Unauthenticated("The session is over."))

    def _take(self, told: Told | None) -> None:
        if told is None or self._is_over:
            return
        if self._telling.text is None:
            self._sink.next(self._telling.alone(told))
        elif len(self._untold) >= _MOST_UNTOLD:
            self.cut_off()
        else:
            self._untold.append(told)
            if self._work is None:
                self._work = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Tell what waits, one after the other, so that order is kept."""
        try:
            while self._untold:
                answer = await self._answer(self._untold.popleft())
                if self._is_over:
                    return
                self._sink.next(answer)
        except Fault as fault:
            self._fail(fault)
        except Exception:
            self._fail(Internal())
            raise
        finally:
            self._work = None

    async def _answer(self, told: Told) -> bytes:
        for _ in range(_TRIES):
            try:
                return await self._listening.teller.answer(self._telling, told, self.acting)
            except Unavailable:
                # It is told once the database is there again.
                await asyncio.sleep(_PAUSE_S)
        raise Unavailable()

    def _fail(self, fault: Fault) -> None:
        if not self._is_over:
            self.stop()
            self._sink.fail(fault)

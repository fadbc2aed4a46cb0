"""Hearing many streams as one: all of some kinds that an actor may hear, those that come later too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.errors import Fault, NotFound
from monynha.engine.history import Event, Stream
from monynha.engine.rights import sees_all
from monynha.engine.seats import Outlet, Seat
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Acting

Wanted = Mapping[str, frozenset[UUID] | None]
"""The kinds of streams to follow, each with the only ids that matter, or None for all."""


class Following:
    """A listener at every wanted stream; `positions` says how far it has heard each.

    With `since` it first hears what was missed; `is_complete` tells whether all of that is there.
    """

    def __init__(
        self,
        hub: Hub,
        acting: Acting,
        wanted: Wanted,
        outlet: Outlet,
        *,
        on_event: Callable[[Event], None],
        on_end: Callable[[], None],
        on_lost: Callable[[Stream], None] = lambda _: None,
        since: Mapping[Stream, int] | None = None,
    ) -> None:
        self._hub = hub
        self._acting = acting
        self._wanted = wanted
        self.outlet = outlet
        self._on_event = on_event
        self._on_end = on_end
        self._on_lost = on_lost
        self._since = since
        self._seats: dict[Stream, Seat] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.positions: dict[Stream, int] = {}
        self.is_complete = True

    @property
    def actor(self) -> Actor:
        """Who is following."""
        return self._acting.actor

    @property
    def _own(self) -> Stream | None:
        kind = next((kind for kind, root in self._hub.rights.roots.items() if root.hears_alone), None)
        return None if kind is None or self.actor.id is None else Stream(kind, self.actor.id)

    async def start(self) -> None:
        """Take a seat at every wanted stream there is; nothing is heard before `open`."""
        try:
            own = self._own
            if own is not None:
                await self._sit(own, is_proven=False)
            for kind, only in self._wanted.items():
                for stream in await self._there_are(kind, only):
                    if stream != own:
                        await self._sit(stream, is_proven=True)
            if any(self._wants(one) and one not in self._seats for one in self._since or ()):
                # They were removed while they were away, and nobody tells what was missed.
                self.is_complete = False
            if sees_all(self.actor.kind, is_admin=self.actor.is_admin):
                self._hub.on_unknown.append(self._look_at)
        except BaseException:
            self.stop()
            raise

    def open(self) -> None:
        """Hear what was missed, then everything as it comes."""
        for seat in list(self._seats.values()):
            seat.open()

    def stop(self) -> None:
        """Leave every stream."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        for stream in list(self._seats):
            self._hub.leave(stream, self)
        self._seats.clear()
        with suppress(ValueError):
            self._hub.on_unknown.remove(self._look_at)

    def become(self, acting: Acting) -> None:
        """Go on as the same actor with a newer token."""
        self._acting = acting

    def hear(self, event: Event) -> None:
        """Take an event: hand it on, and follow where it admits to."""
        self.positions[event.stream] = event.version
        if event.stream.kind in self._wanted:
            self._on_event(event)
        if event.stream == self._own:
            self._heed(event)

    def lose(self, stream: Stream) -> None:
        """Forget a stream that is heard no more."""
        self._seats.pop(stream, None)
        self.positions.pop(stream, None)
        self._on_lost(stream)

    def end(self) -> None:
        """Tell that the session is over."""
        self.stop()
        self._on_end()

    def _heed(self, event: Event) -> None:
        found = self._hub.rights.admitted(event)
        if found is None or found[1] != self.actor.id or not self._wants(found[0]):
            return
        if event.verb == "insert" and found[0] not in self._seats:
            self._spawn(self._follow(found[0]))
        elif event.verb == "delete" and found[0] in self._seats:
            # Its own stream says so too, at the right place: this is for who sat down a moment too late.
            self._spawn(self._hub.review_stream(found[0], self))

    def _wants(self, stream: Stream) -> bool:
        only = self._wanted.get(stream.kind, frozenset())
        return only is None or stream.id in only

    async def _there_are(self, kind: str, only: frozenset[UUID] | None) -> list[Stream]:
        rights = self._hub.rights
        if self.actor.is_nobody:
            return []
        if only is not None and len(only) <= 20:
            found = []
            for one in sorted(only):
                with suppress(NotFound):
                    await rights.prove(self._acting, Stream(kind, one))
                    found.append(Stream(kind, one))
            return found
        root = rights.roots.get(kind)
        if (
            root is not None
            and not root.hears_alone
            and sees_all(self.actor.kind, is_admin=self.actor.is_admin)
        ):
            await self._acting.check_live()
            streams = list(await self._hub.history.streams_of(kind))
        else:
            streams = await rights.streams(self._acting, kind)
        return [one for one in streams if only is None or one.id in only]

    async def _sit(self, stream: Stream, *, is_proven: bool) -> None:
        since = None
        if self._since is not None:
            since = self._since.get(stream)
            if since is None:
                since = await self._admission(stream)
        seat = await self._hub.join(self._acting, stream, self, since=since, is_proven=is_proven)
        if self._is_stopped:
            self._hub.leave(stream, self)
            return
        self._seats[stream] = seat
        self.positions.setdefault(stream, seat.version if since is None else min(since, seat.version))
        self.is_complete = self.is_complete and seat.is_complete

    async def _admission(self, stream: Stream) -> int | None:
        """The version before the actor was admitted to a stream that came while they were away."""
        for name, gate in self._hub.rights.gates.items():
            if gate.told_to[0].kind == stream.kind and self.actor.id is not None:
                version = await self._hub.history.latest(stream, name, self.actor.id, "insert")
                if version:
                    return version - 1
        self.is_complete = False
        return None

    async def _follow(self, stream: Stream) -> None:
        with suppress(Fault):
            since = await self._admission(stream)
            seat = await self._hub.join(self._acting, stream, self, since=since)
            if self._is_stopped:
                self._hub.leave(stream, self)
                return
            self._seats[stream] = seat
            self.positions[stream] = since or seat.version
            seat.open()

    def _look_at(self, stream: Stream) -> None:
        if self._wants(stream) and stream not in self._seats and stream.kind in self._wanted:
            self._spawn(self._follow_new(stream))

    async def _follow_new(self, stream: Stream) -> None:
        with suppress(Fault):
            if self._hub.listens(stream, self):
                return
            seat = await self._hub.join(self._acting, stream, self, since=0)
            self._seats[stream] = seat
            seat.open()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

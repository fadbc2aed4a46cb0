"""Hearing when somebody's session is over, or their token has ended, for as long as they hold a line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import NotFound, Unauthenticated
from monynha.engine.history import Event, Stream
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Acting


class Vigil:
    """A seat at the person's own stream, which tells of their session's end and is otherwise ignored.

    The token is looked at once, when the line is opened; so its end is waited for too.
    """

    def __init__(self, hub: Hub, acting: Acting, on_end: Callable[[], None]) -> None:
        self._hub = hub
        self._acting = acting
        self._on_end = on_end
        self._own: Stream | None = None
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def actor(self) -> Actor:
        """Whose session it is."""
        return self._acting.actor

    @property
    def outlet(self) -> None:
        """Nothing is passed on."""

    async def begin(self) -> None:
        """Begin; Unauthenticated where the session is over already."""
        await self._sit()
        ends_at = orjson.loads(self.actor.claims).get("exp")
        if ends_at is not None:
            self._alarm = asyncio.get_running_loop().call_later(max(0.0, ends_at - time.time()), self.end)

    async def _sit(self) -> None:
        kind = next((kind for kind, root in self._hub.rights.roots.items() if root.hears_alone), None)
        if kind is None or self.actor.id is None:
            # The service key is nobody's session, and holds until it ends.
            return await self._acting.check_live()
        own = Stream(kind, self.actor.id)
        try:
            seat = await self._hub.join(self._acting, own, self)
        except NotFound:
            raise Unauthenticated() from None
        self._own = own
        seat.open()
        return None

    def hear(self, event: Event) -> None:
        """Ignore what happens to the person."""

    def lose(self, stream: Stream) -> None:
        """End: the person is no more."""
        self.end()

    def end(self) -> None:
        """Tell that the session is over."""
        self.stop()
        self._on_end()

    def stop(self) -> None:
        """Give the seat back."""
        if self._own is not None:
            self._hub.leave(self._own, self)
            self._own = None
        if self._alarm is not None:
            self._alarm.cancel()

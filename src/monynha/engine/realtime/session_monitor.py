"""Hearing when somebody's session is over, or their token has ended, for as long as they hold a line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.postgres.database import ActorConnection


class SessionMonitor:
    """A seat at the person's own stream, which tells of their session's end and is otherwise ignored.

    The token is looked at once, when the line is opened; so its end is waited for too.
    """

    def __init__(self, hub: Hub, connection: ActorConnection, on_end: Callable[[], None]) -> None:
        self._hub = hub
        self._connection = connection
        self._handle_end = on_end
        self._user_stream: Stream | None = None
        self._expiry_timer: asyncio.TimerHandle | None = None

    @property
    def actor(self) -> Actor:
        """Whose session it is."""
        return self._connection.actor

    @property
    def sink(self) -> None:
        """Nothing is passed on."""

    async def start(self) -> None:
        """Begin; Unauthenticated where the session is over already."""
        await self._subscribe()
        expires_at = orjson.loads(self.actor.claims).get("exp")
        if expires_at is not None:
            self._expiry_timer = asyncio.get_running_loop().call_later(
                max(0.0, expires_at - time.time()), self.on_session_end
            )

    async def _subscribe(self) -> None:
        kind = next((kind for kind, root in self._hub.authorizer.roots.items() if root.is_private_stream), None)
        if kind is None or self.actor.id is None:
            # The service key is nobody's session, and holds until it ends.
            return await self._connection.require_live_session()
        user_stream = Stream(kind, self.actor.id)
        try:
            subscription = await self._hub.subscribe(self._connection, user_stream, self)
        except NotFoundError:
            raise UnauthenticatedError() from None
        self._user_stream = user_stream
        subscription.activate()
        return None

    def on_event(self, event: Event) -> None:
        """Ignore what happens to the person."""

    def on_revoked(self, stream: Stream) -> None:
        """End: the person is no more."""
        self.on_session_end()

    def on_session_end(self) -> None:
        """Tell that the session is over."""
        self.stop()
        self._handle_end()

    def stop(self) -> None:
        """Give the seat back."""
        if self._user_stream is not None:
            self._hub.unsubscribe(self._user_stream, self)
            self._user_stream = None
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()

"""End a long-lived connection when the session of its user ends or its access token expires.

Every protocol that keeps connections open uses it: `/ws`, Phoenix channels, GraphQL and server-sent events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from monynha.core.actor import Actor
from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.postgres.database import ActorConnection


class SessionMonitor:
    """Watches one session: its end by the user's own stream, the token's expiry by a timer.

    `on_end` is called when the session is over, `on_expiry` (by default `on_end`) when the token has expired.
    """

    def __init__(
        self,
        hub: Hub,
        connection: ActorConnection,
        on_end: Callable[[], None],
        *,
        on_expiry: Callable[[], None] | None = None,
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._handle_end = on_end
        self._handle_expiry = on_expiry or on_end
        self._user_stream: Stream | None = None
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    @property
    def actor(self) -> Actor:
        """Whose session it is."""
        return self._connection.actor

    @property
    def sink(self) -> None:
        """None: no event is sent on."""

    async def start(self) -> None:
        """Begin to watch; UnauthenticatedError if the session is over already."""
        if not self.actor.is_anonymous:
            await self._subscribe()
        self._start_timer()

    async def _subscribe(self) -> None:
        user_stream = self._hub.authorizer.user_stream(self.actor)
        if user_stream is None:
            # The service key belongs to no session.
            await self._connection.require_live_session()
            return
        try:
            subscription = await self._hub.subscribe(self._connection, user_stream, self)
        except NotFoundError:
            raise UnauthenticatedError() from None
        self._user_stream = user_stream
        subscription.activate()

    def renew(self, connection: ActorConnection) -> None:
        """Continue with a newer token of the same user."""
        self._connection = connection
        self._start_timer()

    def stop(self) -> None:
        """Stop watching."""
        self._is_stopped = True
        self._handle_end = self._handle_expiry = _do_nothing  # what they belong to also refers to this monitor
        if self._user_stream is not None:
            self._hub.unsubscribe(self._user_stream, self)
            self._user_stream = None
        self._stop_timer()

    def on_event(self, event: Event) -> None:
        """Ignore events of the user: only the end of the session matters."""

    def on_revoked(self, stream: Stream) -> None:
        """End: the user was deleted."""
        self.on_session_end()

    def on_session_end(self) -> None:
        """End: the session is over. Two events can tell of it; it is reported once."""
        if not self._is_stopped:
            handle_end = self._handle_end
            self.stop()
            handle_end()

    def _on_expiry(self) -> None:
        handle_expiry = self._handle_expiry
        self.stop()
        handle_expiry()

    def _start_timer(self) -> None:
        self._stop_timer()
        expires_at = self.actor.expires_at
        if expires_at is not None:
            remaining_s = max(0.0, expires_at - time.time())
            self._expiry_timer = asyncio.get_running_loop().call_later(remaining_s, self._on_expiry)

    def _stop_timer(self) -> None:
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
            self._expiry_timer = None


def _do_nothing() -> None:
    """Stands for the callbacks of a monitor that has stopped."""

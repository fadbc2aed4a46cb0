"""Builds realtime: the hub, broadcasts, presence, and the pub/sub channels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from monynha.app.catalog import CATALOG, EPHEMERAL_EVENTS
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.queries import Queries
from monynha.engine.realtime.broadcast import Broadcaster
from monynha.engine.realtime.event_log import EventLog
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.notifier import CommitNotifier
from monynha.engine.realtime.stream_authorization import StreamAuthorizer
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import PubSub, ValkeyClient
from monynha.protocols.http.application import WebSocketHandler
from monynha.protocols.http.router import RouteGroup
from monynha.protocols.phoenix import connection as phoenix
from monynha.protocols.phoenix.context import PhoenixContext
from monynha.protocols.phoenix.http import BroadcastEndpoints
from monynha.protocols.phoenix.presence import Presence
from monynha.protocols.websocket import endpoint as websocket
from monynha.protocols.websocket.context import WebSocketContext


@dataclass(frozen=True)
class RealtimeServices:
    """What all realtime connections of this process share."""

    hub: Hub
    notifier: CommitNotifier
    broadcast: Broadcaster
    channels: PubSub
    presence: Presence

    @classmethod
    def start(
        cls,
        database: Database,
        query: Queries,
        valkey: ValkeyClient,
        *,
        redis_url: str,
    ) -> RealtimeServices:
        """Subscribe to the other processes, and start reading the event log."""
        channels = PubSub(redis_url)
        hub = Hub(EventLog(database), StreamAuthorizer(CATALOG, query))
        broadcast = Broadcaster(partial(valkey.publish, "broadcasts"))
        notifier = CommitNotifier(partial(valkey.publish, "commits"), hub)
        presence = Presence(partial(valkey.publish, "presence"))
        channels.subscribe(
            {
                "commits": notifier.on_published,
                "broadcasts": broadcast.on_published,
                "presence": presence.on_published,
            },
            on_connect=hub.notify_all,
        )
        hub.start()
        presence.start()
        return cls(hub, notifier, broadcast, channels, presence)

    async def close(self) -> None:
        """Close every connection."""
        self.presence.close()
        await self.hub.close()
        await self.channels.close()


def realtime_routes(
    realtime: RealtimeServices, database: Database, mutate: Mutations, tokens: AccessTokens
) -> tuple[dict[str, WebSocketHandler], RouteGroup]:
    """Return the WebSocket handlers by path, and the routes that broadcast without a socket."""
    max_event_bytes = mutate.queries.compiler.limits.max_bytes
    websocket_context = WebSocketContext(
        CATALOG,
        database,
        mutate,
        realtime.hub,
        realtime.broadcast,
        tokens.verify,
        {event.request_type: event for event in EPHEMERAL_EVENTS},
        max_event_bytes,
    )
    phoenix_context = PhoenixContext(
        CATALOG, database, realtime.hub, realtime.broadcast, realtime.presence, tokens.verify, max_event_bytes
    )
    websocket_handlers: dict[str, WebSocketHandler] = {
        websocket.PATH: websocket.WebSocketEndpoint(websocket_context),
        phoenix.PATH: phoenix.PhoenixEndpoint(phoenix_context),
    }
    return websocket_handlers, BroadcastEndpoints(phoenix_context).route_group()

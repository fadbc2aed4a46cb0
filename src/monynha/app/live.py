"""The live half of the program put together: the hub, the rooms, and how processes wake each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from monynha.app.catalog import CATALOG, GESTURES
from monynha.app.upkeep import keep_house
from monynha.core.actor import Actor
from monynha.domains.auth.tokens import AccessTokens
from monynha.engine.history import History
from monynha.engine.mutate import Mutate
from monynha.engine.query import Query
from monynha.engine.rights import Rights
from monynha.engine.rooms import Rooms
from monynha.engine.subscribe import Hub
from monynha.engine.waking import Waking
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import Channels, Valkey
from monynha.protocols.http.edge import TakeSocket
from monynha.protocols.http.router import Area
from monynha.protocols.phoenix import connection as phoenix
from monynha.protocols.phoenix.channel import Parts
from monynha.protocols.phoenix.http import Broadcasts
from monynha.protocols.phoenix.presence import Presence
from monynha.protocols.websocket import handler as websocket
from monynha.protocols.websocket.parts import Live


@dataclass(frozen=True)
class LiveParts:
    """What is shared by all who listen in this process."""

    hub: Hub
    rooms: Rooms
    channels: Channels
    presence: Presence
    upkeep: asyncio.Task[None]

    @classmethod
    def begin(
        cls, database: Database, query: Query, valkey: Valkey, *, redis_url: str, kept_days: int | None
    ) -> LiveParts:
        """Start reading the history and hearing the other processes."""
        channels = Channels(redis_url)
        hub = Hub(History(database), Rights(CATALOG, query))
        rooms = Rooms(lambda said: valkey.tell("PUBLISH", f"{channels.prefix}rooms", said))
        waking = Waking(lambda told: valkey.tell("PUBLISH", f"{channels.prefix}written", told), hub)
        database.on_written.append(waking.written)
        presence = Presence(lambda said: valkey.tell("PUBLISH", f"{channels.prefix}presence", said))
        channels.on_return = hub.wake_all
        channels.listen({"written": waking.hear, "rooms": rooms.hear, "presence": presence.hear})
        hub.start()
        presence.start()
        upkeep = asyncio.create_task(keep_house(hub.history, kept_days=kept_days))
        return cls(hub, rooms, channels, presence, upkeep)

    async def close(self) -> None:
        """Stop hearing."""
        self.upkeep.cancel()
        self.presence.close()
        await self.hub.close()
        await self.channels.close()


def sockets(
    parts: LiveParts, database: Database, mutate: Mutate, tokens: AccessTokens
) -> tuple[dict[str, TakeSocket], Area]:
    """Return what takes sockets, by address, and what says something in rooms without one."""

    def verify(token: str) -> tuple[Actor, float | None]:
        return tokens.verify(token), tokens.ends_at(token)

    live = Live(
        CATALOG, database, mutate, parts.hub, parts.rooms, verify, {one.said: one for one in GESTURES}
    )
    parts_of_phoenix = Parts(CATALOG, database, parts.hub, parts.rooms, parts.presence, verify)
    held: dict[str, TakeSocket] = {
        websocket.PATH: websocket.LiveSocket(live),
        phoenix.PATH: phoenix.PhoenixSocket(parts_of_phoenix),
    }
    return held, Broadcasts(parts_of_phoenix).area()

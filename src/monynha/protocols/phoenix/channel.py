"""One channel of a socket: what it hears of tables, what is said in its room, who is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import Unauthenticated
from monynha.engine.catalog import Catalog
from monynha.engine.following import Following
from monynha.engine.history import Event, Stream
from monynha.engine.position import read_position, write_position
from monynha.engine.rooms import Rooms
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Database
from monynha.protocols.http.frames import BINARY, frame
from monynha.protocols.http.socket import Socket
from monynha.protocols.phoenix.bindings import binding_id, wanted
from monynha.protocols.phoenix.feed import Feed
from monynha.protocols.phoenix.joining import Join
from monynha.protocols.phoenix.presence import Presence
from monynha.protocols.phoenix.rooms import may_use, named, raw_said, read_raw, room_of, said
from monynha.protocols.phoenix.tokens import Refused, Verify, verified
from monynha.protocols.phoenix.wire import Push, write, write_raw_broadcast

_LONGEST_TIMER_S = 7 * 86_400.0
_NO_RIGHT = "You do not have permissions to read from this Channel topic"


@dataclass(frozen=True)
class Parts:
    """What every channel needs."""

    catalog: Catalog
    database: Database
    hub: Hub
    rooms: Rooms
    presence: Presence
    verify: Verify


class Channel:
    """A joined topic; `on_close` is called when it closes by itself."""

    def __init__(
        self,
        parts: Parts,
        socket: Socket,
        push: Push,
        *,
        is_second: bool,
        on_close: Callable[[Channel], None],
    ) -> None:
        self._parts = parts
        self._socket = socket
        self._is_second = is_second
        self._on_close = on_close
        self.topic = push.topic
        self.join_ref = push.join_ref or push.ref
        self.name = push.topic.removeprefix("realtime:")
        self._join = Join.read(push.payload)
        self._place = token_hex(8)
        self._key = self._join.presence_key or token_hex(16)
        self._has_presence = self._join.has_presence
        self._feed = Feed(parts.catalog, parts.hub.history, socket, push.topic, is_second)
        self._following: Following | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._room = room_of(self.name, is_private=self._join.is_private)
        self._actor: Actor | None = None
        self._token: object = None

    async def join(self, ref: str | None, default_token: str) -> None:
        """Join and answer (Refused): when the answer is out, nothing that happens is lost."""
        token = self._join.token if self._join.token is not None else default_token
        actor, ends_at = verified(self._parts.verify, token)
        problem = await self._feed.read(self._join.asked)
        if problem is not None and self._join.waits:
            raise Refused(f"UnableToSubscribe: {problem}")
        since = self._since()
        await self._follow(actor, since)
        self._token = token
        self._expire_at(ends_at)
        self._answer_join(ref, is_resuming=self._join.since is not None)
        self._parts.rooms.enter(self._room, self)
        if self._has_presence:
            self._show_state()
        if self._join.asked:
            status, message = ("ok", "Subscribed to PostgreSQL") if problem is None else ("error", problem)
            self._system("postgres_changes", status, message)
        assert self._following is not None
        self._following.open()

    async def take(self, push: Push) -> None:
        """Take what the client says on this channel."""
        if push.event == "broadcast":
            self._broadcast(push)
        elif push.event == "presence":
            self._track(push)
        elif push.event == "access_token":
            await self._take_token(push.payload.get("access_token"))

    def leave(self) -> None:
        """Give back all that the channel holds."""
        if self._following is not None:
            self._following.stop()
        if self._expiry is not None:
            self._expiry.cancel()
        self._parts.rooms.leave(self._room, self)
        self._parts.presence.unwatch(self._room, self)
        self._parts.presence.untrack(self._room, self._place)

    def reply(self, ref: str | None, response: bytes, *, status: bytes = b"ok") -> None:
        """Answer something the client said."""
        payload = b'{"status":"' + status + b'","response":' + response + b"}"
        self._send("phx_reply", payload, ref=ref, join_ref=self.join_ref)

    # What the hub, the room and the presence say.

    def overhear(self, room: str, said: bytes) -> None:
        """Pass on a broadcast."""
        if said[:1] == b"J":
            self._socket.send(write(self.topic, "broadcast", said[1:], is_second=self._is_second))
        elif self._is_second:
            event, raw = read_raw(said)
            self._socket.send_frame(frame(write_raw_broadcast(self.topic, event, raw), BINARY))

    def see(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        """Pass on who came and who left."""
        self._send("presence_diff", orjson.dumps({"joins": joins, "leaves": leaves}))

    def _hear(self, event: Event) -> None:
        assert self._following is not None
        self._feed.hear(event, self._following.positions)

    def _end(self, why: str = "the session is over") -> None:
        self._system("system", "error", why)
        self._send("phx_close", b"{}")
        self.leave()
        self._on_close(self)

    # Joining.

    def _since(self) -> dict[Stream, int] | None:
        if self._join.since is None:
            return None
        try:
            return read_position(self._join.since)
        except ValueError:
            raise Refused("InvalidPosition: `since` is no position of ours") from None

    async def _follow(self, actor: Actor, since: dict[Stream, int] | None) -> None:
        acting = self._parts.database.acting(actor)
        kinds = wanted(self._feed.bindings)
        if self._join.is_private:
            kinds = await self._with_room(actor, kinds)
        following = Following(
            self._parts.hub,
            acting,
            kinds,
            self._socket,
            on_event=self._hear,
            on_end=self._end,
            on_lost=self._lost,
            since=since,
        )
        try:
            await following.start()
        except Unauthenticated:
            raise Refused("Unauthorized: the session is over") from None
        self._actor, self._following = actor, following

    async def _with_room(
        self, actor: Actor, kinds: dict[str, frozenset[UUID] | None]
    ) -> dict[str, frozenset[UUID] | None]:
        """A private room is kept only as long as its stream may be heard, so that one is followed too."""
        if not await may_use(self._parts, actor, self.name):
            raise Refused(f"Unauthorized: {_NO_RIGHT}: {self.name}")
        stream = named(self.name)
        if stream is None:
            return kinds
        only = kinds.get(stream.kind, frozenset())
        return {**kinds, stream.kind: None if only is None else only | {stream.id}}

    def _lost(self, stream: Stream) -> None:
        if self._join.is_private and stream == named(self.name):
            self._end(f"{_NO_RIGHT}: {self.name}")

    def _answer_join(self, ref: str | None, *, is_resuming: bool) -> None:
        assert self._following is not None
        response: dict[str, Any] = {
            "postgres_changes": [{**one, "id": binding_id(one)} for one in self._join.asked],
            "position": write_position(self._following.positions),
        }
        if is_resuming:
            response["resumed"] = self._following.is_complete
        self.reply(ref, orjson.dumps(response))

    # The token.

    async def _take_token(self, token: object) -> None:
        if not isinstance(token, str) or not token or token == self._token or token.startswith("sb_"):
            return
        try:
            actor, ends_at = verified(self._parts.verify, token)
            assert self._following is not None
            if self._actor == actor or (self._actor is not None and _same(self._actor, actor)):
                self._following.become(self._parts.database.acting(actor))
                self._actor = actor
            else:
                await self._follow_as(actor)
        except Refused as refused:
            self._end(str(refused).partition(": ")[2])
            return
        self._token = token
        self._expire_at(ends_at)

    async def _follow_as(self, actor: Actor) -> None:
        former = self._following
        assert former is not None
        since = dict(former.positions)
        await self._follow(actor, since or None)
        former.stop()
        assert self._following is not None
        self._following.open()

    def _expire_at(self, ends_at: float | None) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        if ends_at is not None and (left := ends_at - time.time()) < _LONGEST_TIMER_S:
            end = "Token has expired 0 seconds ago"
            self._expiry = asyncio.get_running_loop().call_later(max(left, 0), self._end, end)

    # The room.

    def _broadcast(self, push: Push) -> None:
        event = push.payload.get("event")
        if not isinstance(event, str) or len(event.encode()) > 255:
            return
        told = said(event, push.payload.get("payload", {})) if push.raw is None else raw_said(event, push.raw)
        self._parts.rooms.say(self._room, told, by=None if self._join.hears_itself else self)
        if self._join.acks:
            self.reply(push.ref, b"{}")

    def _track(self, push: Push) -> None:
        event = str(push.payload.get("event", "")).lower()
        if event == "track":
            payload = push.payload.get("payload", {})
            if not isinstance(payload, dict):
                reason = b'{"reason":"Presence track payload must be a map"}'
                self.reply(push.ref, reason, status=b"error")
                return
            if not self._has_presence:
                self._has_presence = True
                self._show_state()
            self._parts.presence.track(self._room, self._place, self._key, payload)
        elif event == "untrack":
            self._parts.presence.untrack(self._room, self._place)
        self.reply(push.ref, b"{}")

    def _show_state(self) -> None:
        self._send("presence_state", orjson.dumps(self._parts.presence.watch(self._room, self)))

    def _system(self, extension: str, status: str, message: str) -> None:
        told = {"extension": extension, "status": status, "message": message, "channel": self.name}
        self._send("system", orjson.dumps(told))

    def _send(
        self, event: str, payload: bytes, *, ref: str | None = None, join_ref: str | None = None
    ) -> None:
        self._socket.send(
            write(self.topic, event, payload, is_second=self._is_second, ref=ref, join_ref=join_ref)
        )


def _same(one: Actor, other: Actor) -> bool:
    return (one.kind, one.id, one.session_id, one.is_admin) == (
        other.kind,
        other.id,
        other.session_id,
        other.is_admin,
    )

"""One socket of `/ws`: who is there, which streams they joined, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, Fault, NotFound, RateLimited, Unauthenticated
from monynha.engine.history import Event, Stream
from monynha.engine.mutation import read_update
from monynha.engine.resource import Resource
from monynha.engine.rooms import room_of
from monynha.infra.postgres.database import Acting
from monynha.protocols.http.frames import frame
from monynha.protocols.http.socket import Socket
from monynha.protocols.websocket.messages import frame_of, id_name, told
from monynha.protocols.websocket.pace import Pace
from monynha.protocols.websocket.parts import Gesture, Live
from monynha.protocols.websocket.reading import id_of, read_id, read_object, read_token, version_in

NOT_SIGNED_IN = 4401
AUTH_WITHIN_S = 10.0
_MOST_JOINED = 100


class Session:
    """A signed-in socket. It is the listener of all streams it joined, and of its person's own."""

    def __init__(self, live: Live, socket: Socket) -> None:
        self._live = live
        self._socket = socket
        self._acting: Acting | None = None
        self._own: Stream | None = None
        self._joined: dict[Stream, None] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._pace = Pace(time.monotonic)
        self._said: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "auth": self._sign_in_again,
            "join": self._join,
            "leave": self._leave,
            "resume": self._resume,
        }
        self._updates = {
            f"{one.singular}_update": one
            for one in live.catalog.resources.values()
            if "update" in one.verbs and len(one.key) == 1 and one.told_to
        }

    @property
    def actor(self) -> Actor:
        """Who is at the other end."""
        assert self._acting is not None
        return self._acting.actor

    @property
    def outlet(self) -> Socket:
        """The socket."""
        return self._socket

    async def run(self, token: str | None) -> None:
        """Serve the socket until it is closed."""
        try:
            if token is None:
                token = await self._first_token()
            await self._sign_in(token)
            while (message := await self._socket.receive()) is not None:
                await self._answer(message)
        except Unauthenticated as fault:
            self._socket.close(NOT_SIGNED_IN, fault.message)
        finally:
            self._leave_all()

    # What the hub and the rooms say.

    def hear(self, event: Event) -> None:
        """Pass an event on, unless it is of the person's own stream, which tells the hub alone."""
        if event.stream in self._joined:
            self._socket.send_frame(frame_of(self._live.catalog, event))

    def lose(self, stream: Stream) -> None:
        """Tell that a stream is heard no more."""
        if self._joined.pop(stream, self) is None:
            self._live.rooms.leave(room_of(stream), self)
            self._say("removed", **{f"{stream.kind}Id": str(stream.id)})

    def end(self) -> None:
        """Close: the session is over."""
        self._socket.close(NOT_SIGNED_IN, "the session is over")

    def overhear(self, room: str, said: bytes) -> None:
        """Pass on what others show."""
        self._socket.send_frame(said)

    # Signing in.

    async def _first_token(self) -> str:
        try:
            async with asyncio.timeout(AUTH_WITHIN_S):
                while (message := await self._socket.receive()) is not None:
                    try:
                        body = read_object(message)
                    except BadRequest as fault:
                        self._socket.send(told(fault))
                        continue
                    if body.get("type") == "auth":
                        return read_token(body)
                    self._socket.send(told(Unauthenticated()))
        except TimeoutError:
            pass
        raise Unauthenticated()

    async def _sign_in(self, token: str) -> None:
        actor, expires_at = self._live.verify(token)
        if actor.is_nobody:
            raise Unauthenticated()
        acting = self._live.database.acting(actor)
        if self._acting is not None and actor.id != self.actor.id:
            raise Unauthenticated("Another person needs another socket.")
        is_first, self._acting = self._acting is None, acting
        root = next((kind for kind, one in self._live.hub.rights.roots.items() if one.hears_alone), None)
        if is_first and root is not None and actor.id is not None:
            self._own = Stream(root, actor.id)
            try:
                seat = await self._live.hub.join(acting, self._own, self)
            except NotFound:
                raise Unauthenticated() from None
            seat.open()
        else:
            await acting.check_live()
        if self._expiry is not None:
            self._expiry.cancel()
        if expires_at is not None:
            left = max(0.0, expires_at - time.time())
            self._expiry = asyncio.get_running_loop().call_later(left, self._expire)
        self._say("ready", userId=None if actor.id is None else str(actor.id))

    def _expire(self) -> None:
        self._socket.close(NOT_SIGNED_IN, "the access token has ended")

    async def _sign_in_again(self, body: dict[str, Any]) -> None:
        await self._sign_in(read_token(body))

    # What they say.

    async def _answer(self, message: str | bytes) -> None:
        if not self._pace.allows():
            if self._pace.should_warn():
                fault = RateLimited("Too many messages; some were not read.", retry_after_s=1)
                self._socket.send(told(fault))
            return
        ref: dict[str, object] = {}
        try:
            body = read_object(message)
            if isinstance(body.get("ref"), str | int):
                ref = {"ref": body["ref"]}
            await self._handle(body)
        except Unauthenticated:
            raise
        except Fault as fault:
            self._socket.send(told(fault, **ref))

    async def _handle(self, body: dict[str, Any]) -> None:
        kind = body.get("type")
        if not isinstance(kind, str):
            raise BadRequest("A message needs a type.", details={"type": "is required"})
        if kind in self._said:
            await self._said[kind](body)
        elif kind in self._updates:
            await self._update(self._updates[kind], body)
        elif kind in self._live.gestures:
            self._show(self._live.gestures[kind], body)
        else:
            raise BadRequest("There is no message of this type.", details={"type": "is not known"})

    async def _join(self, body: dict[str, Any]) -> None:
        stream = self._named(body)
        if stream not in self._joined:
            await self._take_seat(stream, None, "joined")
        else:
            self._say("joined", **id_of(stream), version=await self._version(stream))

    async def _resume(self, body: dict[str, Any]) -> None:
        version = body.get("version")
        if type(version) is not int or not 0 <= version < 2**63:
            raise BadRequest("A version is a whole number from 0 on.", details={"version": "is not read"})
        stream = self._named(body)
        self._drop(stream)
        await self._take_seat(stream, version, "resumed")

    async def _take_seat(self, stream: Stream, since: int | None, word: str) -> None:
        if len(self._joined) >= _MOST_JOINED:
            raise RateLimited(f"At most {_MOST_JOINED} can be joined by one socket.", retry_after_s=60)
        assert self._acting is not None
        seat = await self._live.hub.join(self._acting, stream, self, since=since)
        self._joined[stream] = None
        self._live.rooms.enter(room_of(stream), self)
        self._say(word if seat.is_complete else "ask_again", **id_of(stream), version=seat.version)
        seat.open()

    async def _leave(self, body: dict[str, Any]) -> None:
        stream = self._named(body)
        self._drop(stream)
        self._say("left", **id_of(stream))

    async def _update(self, resource: Resource, body: dict[str, Any]) -> None:
        name = id_name(resource)
        key = read_id(body, name)
        written: list[str] = []
        values = read_update(resource, body.get("data"))
        assert self._acting is not None
        await self._live.mutate.update(self._acting.noting(written.append), resource, (key,), values)
        if "ref" in body:
            self._say("ack", ref=body["ref"], version=version_in(written, resource.told_to[0].kind))

    def _show(self, gesture: Gesture, body: dict[str, Any]) -> None:
        stream = self._named(body, gesture.kind)
        if stream not in self._joined:
            raise NotFound("Join it first.")
        if gesture.field not in body:
            raise BadRequest(f"{gesture.field} is missing.", details={gesture.field: "is required"})
        said = {
            "type": gesture.heard,
            "userId": None if self.actor.id is None else str(self.actor.id),
            **id_of(stream),
            gesture.field: body[gesture.field],
            "timestamp": int(time.time() * 1000),
        }
        text = orjson.dumps(said)
        if len(text) > 4096:
            raise BadRequest("That is too much to show.", details={gesture.field: "is too large"})
        self._live.rooms.say(room_of(stream), frame(text), by=self)

    # Streams.

    def _named(self, body: dict[str, Any], only: str | None = None) -> Stream:
        """The stream that a message names; the one that is joined where it names none."""
        kinds = [kind for kind, one in self._live.hub.rights.roots.items() if not one.hears_alone]
        for kind in kinds if only is None else [only]:
            if f"{kind}Id" in body:
                return Stream(kind, read_id(body, f"{kind}Id"))
        if len(self._joined) == 1 and body.get("type") != "join":
            return next(iter(self._joined))
        missing = f"{kinds[0] if only is None else only}Id"
        raise BadRequest(f"{missing} is missing.", details={missing: "is required"})

    async def _version(self, stream: Stream) -> int:
        found = await self._live.hub.history.versions([stream])
        return found.get(stream, 0)

    def _drop(self, stream: Stream) -> None:
        if stream in self._joined:
            del self._joined[stream]
            self._live.hub.leave(stream, self)
            self._live.rooms.leave(room_of(stream), self)

    def _leave_all(self) -> None:
        for stream in list(self._joined):
            self._drop(stream)
        if self._own is not None:
            self._live.hub.leave(self._own, self)
        if self._expiry is not None:
            self._expiry.cancel()

    def _say(self, kind: str, **rest: object) -> None:
        self._socket.send(orjson.dumps({"type": kind, **rest}))

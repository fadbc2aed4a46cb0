"""The history of one thing as server-sent events: `GET /{plural}/{id}/events?since=` (HTML §9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest
from monynha.engine.catalog import Catalog
from monynha.engine.history import Event, Stream
from monynha.engine.resource import Resource
from monynha.engine.seats import Seat
from monynha.engine.subscribe import Hub
from monynha.engine.vigil import Vigil
from monynha.infra.postgres.database import Acting
from monynha.protocols.http.event_stream import HEADERS, EventStream, piece
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler
from monynha.protocols.rest.described import Action
from monynha.protocols.rest.handlers import Rest, id_of
from monynha.protocols.rest.routes import Overrides
from monynha.protocols.websocket.messages import message_of, type_of

_SAYS = """\
The history of a {one} as server-sent events, live. The id of an event is its version: gapless, in the order
of the commits. `event` says what happened and `data` is the row as it is then, as `/ws` sends it.
`ask_again` means that not all that was missed is kept: ask for the {one} anew and go on from there.
`removed` means that you may not see it any more."""
_OVER = piece(b"error", b'{"code":"UNAUTHENTICATED","message":"The session is over."}')
_TOO_SLOW = piece(b"error", b'{"code":"TOO_SLOW","message":"You read too slowly; ask again."}')


def event_streams(catalog: Catalog) -> tuple[Action, ...]:
    """Return what these addresses take and answer."""
    place = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    from_here = {**place, "description": "Tell what came after this version too, in its order."}
    going_on = {**place, "description": "The last id that was heard; browsers send it when they come back."}
    return tuple(
        Action(
            "GET",
            f"/{one.plural}/{{id}}/events",
            f"hear{one.singular.capitalize()}",
            one,
            f"Hear what happens to a {one.singular}",
            _SAYS.format(one=one.singular),
            {"type": "string", "description": "Server-sent events, until the reader leaves."},
            media_type="text/event-stream",
            query={"since": from_here},
            headers={"Last-Event-ID": going_on},
        )
        for one in _heard_by_others(catalog)
    )


def _heard_by_others(catalog: Catalog) -> list[Resource]:
    return [one for one in catalog.resources.values() if one.is_root and not one.hears_alone]


@dataclass(frozen=True)
class EventStreams:
    """Answers the history of whatever has a stream that others hear too."""

    rest: Rest
    hub: Hub
    open: set[EventStream] = field(default_factory=set)
    """The answers under way."""

    @property
    def overrides(self) -> Overrides:
        """The handlers by method and path below `/api/v1`."""
        roots = _heard_by_others(self.rest.catalog)
        return {("GET", f"/{one.plural}/{{id}}/events"): self._handler(one) for one in roots}

    def _handler(self, resource: Resource) -> Handler:
        async def handler(request: Request) -> Response:
            acting = self.rest.acting(request)
            since = _since(request)
            stream = Stream(resource.told_to[0].kind, id_of(request.params["id"], acting.actor))
            reader = _Reader(self, acting, stream)
            await reader.start(since)
            return Response(200, b"", HEADERS, stream=reader.pieces(since))

        return handler


@dataclass(eq=False)
class _Reader:
    """Whoever reads one answer."""

    of: EventStreams
    acting: Acting
    stream: Stream
    seat: Seat | None = None
    said: EventStream = field(init=False)
    vigil: Vigil = field(init=False)

    def __post_init__(self) -> None:
        self.said = EventStream(self.of.open, _TOO_SLOW)
        self.vigil = Vigil(self.of.hub, self.acting, self.end)

    @property
    def actor(self) -> Actor:
        """Who reads."""
        return self.acting.actor

    @property
    def outlet(self) -> EventStream:
        """What is said."""
        return self.said

    async def start(self, since: int | None) -> None:
        """Take a seat at the stream, and keep vigil over the session."""
        try:
            self.seat = await self.of.hub.join(self.acting, self.stream, self, since=since)
            await self.vigil.begin()
        except BaseException:
            self.leave()
            raise

    def hear(self, event: Event) -> None:
        """Take an event."""
        catalog = self.of.rest.catalog
        made: bytes | None = event.made.get("sse")
        if made is None:
            kind = type_of(catalog.resources[event.resource], event).encode()
            text = message_of(catalog, event)
            made = event.made["sse"] = piece(kind, text, event.version)
        self.said.say(made)

    def lose(self, stream: Stream) -> None:
        """End: the reader may not see it any more."""
        self.said.finish(piece(b"removed", orjson.dumps({f"{stream.kind}Id": str(stream.id)})))

    def end(self) -> None:
        """End: the session is over."""
        self.said.finish(_OVER)

    async def pieces(self, since: int | None) -> AsyncIterator[bytes]:
        """Yield what happens, until it is over or nobody reads."""
        assert self.seat is not None
        try:
            if not self.seat.is_complete:
                told = orjson.dumps(
                    {f"{self.stream.kind}Id": str(self.stream.id), "version": self.seat.version}
                )
                yield piece(b"ask_again", told, self.seat.version)
            else:
                # An id at once, so that even who hears nothing knows where to go on.
                yield b"retry: 1000\nid: %d\n\n" % (self.seat.version if since is None else since)
            self.seat.open()
            async with aclosing(self.said.pieces()) as pieces:
                async for said in pieces:
                    yield said
        finally:
            self.leave()

    def leave(self) -> None:
        """Give the seat back."""
        self.of.hub.leave(self.stream, self)
        self.vigil.stop()


def _since(request: Request) -> int | None:
    query = request.query
    unknown = [name for name in query if name != "since"]
    if unknown:
        raise BadRequest("A query parameter is not known.", details={unknown[0][:100]: "is not known"})
    # A client that comes back says it in the header, and its address still says where it began.
    text = request.header(b"last-event-id") or query.get("since")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(
            "since is not read.", details={"since": "must be a version, a whole number from 0 on"}
        )
    return int(text)

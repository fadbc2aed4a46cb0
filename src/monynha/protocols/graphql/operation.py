"""One operation on a socket, from `subscribe` to `complete`: the sink of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog

from monynha.core.actor import Actor
from monynha.core.errors import Fault, Internal, RateLimited, Unauthenticated
from monynha.protocols.graphql.errors import Refused, told
from monynha.protocols.graphql.sent import Sent
from monynha.protocols.graphql.service import GraphQL, Prepared
from monynha.protocols.graphql.subscription import Subscription
from monynha.protocols.http.request import Request
from monynha.protocols.http.socket import Socket

_log = structlog.get_logger("monynha.graphql")


class Operation:
    """Runs, and tells under its id; once it is left it tells nothing more, but ends what it has begun.

    Work that the database does for it is never broken off, since that would cost a connection. Those of one
    socket begin one after the other: nothing says that a subscription listens, but what is sent later is
    asked then; and whoever sends a hundred at once does not hold up other sockets.
    """

    def __init__(
        self, service: GraphQL, socket: Socket, id: str, *, on_end: Callable[[Operation], None]
    ) -> None:
        self.id = id
        self._service = service
        self._socket = socket
        self._on_end = on_end
        self._subscription: Subscription | None = None
        self._work: asyncio.Task[None] | None = None
        self._is_left = False
        self._request_id: str | None = None

    @property
    def outlet(self) -> Socket:
        """The socket."""
        return self._socket

    def start(
        self, sent: Sent, actor: Actor, request: Request, *, turn: asyncio.Lock, on_over: Callable[[], None]
    ) -> None:
        """Begin when it is its `turn`; `on_over` is called where the session turns out to be over."""
        self._request_id = request.id
        self._work = asyncio.create_task(self._run(sent, actor, request, turn, on_over=on_over))

    async def _run(
        self,
        sent: Sent,
        actor: Actor,
        request: Request,
        turn: asyncio.Lock,
        *,
        on_over: Callable[[], None],
    ) -> None:
        try:
            async with turn:
                ready = await self._begin(sent, actor, request)
            if ready is not None:
                self.next(await self._service.answer(ready, request))
                self._say(b"complete")
                self._end()
        except Refused as refused:
            self._fail(refused.errors)
        except Unauthenticated as fault:
            self.fail(fault)
            if not actor.is_nobody:
                on_over()
        except Fault as fault:
            self.fail(fault)
        except Exception as error:
            _log.error("failed", err={"type": type(error).__name__}, requestId=request.id)
            self.fail(Internal())
        finally:
            self._work = None
            if self._is_left:
                self._end()

    async def _begin(self, sent: Sent, actor: Actor, request: Request) -> Prepared | None:
        """Return what is to be answered once, None where it listens from now on or was left."""
        if self._is_left:
            return None
        await self._service.count(request, actor, 1)
        ready = await self._service.prepare(sent, actor)
        if not ready.is_subscription:
            return ready
        self._subscription = await self._service.subscription(ready, self)
        await self._subscription.start()
        return None

    def next(self, answer: bytes) -> None:
        """Tell an answer."""
        self._say(b"next", answer)

    def fail(self, fault: Fault) -> None:
        """Tell the last word: an error, after which the protocol wants no `complete`."""
        self._fail([told(fault, request_id=self._request_id)])

    def refuse(self, says: str) -> None:
        """Tell that it does not even begin."""
        self.fail(RateLimited(says, retry_after_s=1))

    def leave(self) -> None:
        """Tell nothing more: the client has left."""
        self._is_left = True
        if self._work is None:
            self._end()
        elif self._subscription is not None:
            self._subscription.stop()

    def _fail(self, errors: Sequence[dict[str, Any]]) -> None:
        self._say(b"error", orjson.dumps(list(errors), default=str))
        self._end()

    def _end(self) -> None:
        self._is_left = True
        if self._subscription is not None:
            self._subscription.stop()
        self._on_end(self)

    def _say(self, kind: bytes, payload: bytes = b"") -> None:
        if not self._is_left:
            tail = b',"payload":' + payload if payload else b""
            self._socket.send(b'{"id":' + orjson.dumps(self.id) + b',"type":"' + kind + b'"' + tail + b"}")

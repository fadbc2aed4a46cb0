"""The outermost layer of HTTP: request ids, errors into answers, CORS, one log line a request."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from logging import ERROR, INFO
from secrets import token_hex

import structlog

from monynha.core.errors import Fault, Internal
from monynha.infra.postgres.faults import Retry, Violation
from monynha.protocols.http.cors import Origins
from monynha.protocols.http.request import Receive, Request, Scope, Send
from monynha.protocols.http.response import WHOLE, Headers, Response
from monynha.protocols.http.router import Router
from monynha.protocols.http.socket import Socket
from monynha.protocols.http.streaming import stream, stream_head

_log = structlog.get_logger("monynha.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PROCESS, _NUMBERS = token_hex(12), count()
"""What begins the ids that this process gives, and what ends them."""


TakeSocket = Callable[[Socket], Awaitable[None]]


@dataclass(frozen=True)
class Edge:
    """An ASGI application that answers every request, whatever happens inside."""

    router: Router
    origins: Origins
    client_of: Callable[[Scope], str]
    shows_stack: bool = False
    sockets: Mapping[str, TakeSocket] = field(default_factory=dict)
    tells: bool = field(default_factory=lambda: _log.is_enabled_for(INFO))
    """Whether the log takes a line a request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or hold one socket."""
        if scope["type"] == "websocket":
            await self._hold(scope["monynha.socket"])
            return
        started = time.perf_counter()
        request = Request(scope, receive, client=self.client_of(scope))
        request.id = _request_id(request)
        response = await self._answer(request)
        await self._send(request, response, receive, send)
        if request.failure or self.tells:
            _tell(request, response, time.perf_counter() - started)

    async def _hold(self, socket: Socket) -> None:
        path: str = socket.scope["path"]
        take = self.sockets.get(path)
        origin = socket.header(b"origin")
        if take is None:
            socket.refuse(404, b'{"error":"There is no socket at this address."}')
        elif origin is not None and not self._is_welcome(socket, origin.decode("latin-1")):
            # A browser sends cookies along to any site: pages of strangers do not even get a socket.
            socket.refuse(403, b'{"error":"Pages of this origin may not connect."}')
        else:
            started = time.perf_counter()
            _log.info("socket", path=path, ip=self.client_of(socket.scope))
            await take(socket)
            _log.info("socket closed", path=path, duration=round((time.perf_counter() - started) * 1000, 3))

    def _is_welcome(self, socket: Socket, origin: str) -> bool:
        host = (socket.header(b"host") or b"").decode("latin-1")
        return origin.partition("://")[2] == host or self.origins.allow(origin)

    async def _answer(self, request: Request) -> Response:
        try:
            if request.method == "OPTIONS":
                return self.origins.preflight(request, self.router.allowed(request.path))
            found = self.router.find(request.method, request.path)
            request.params = found.params
            return await found.handler(request)
        except Fault as fault:
            return self._told(fault, request, fault)
        except Exception as error:
            return self._told(Internal(), request, error)

    def _told(self, fault: Fault, request: Request, error: Exception) -> Response:
        stack: Sequence[str] = ()
        if fault.status == 500:
            request.failure = error.__cause__ or error
            stack = _own_frames(error) if self.shows_stack else ()
        return self.router.render(request.path)(fault, request, stack)

    async def _send(self, request: Request, response: Response, receive: Receive, send: Send) -> None:
        own = self.origins.of_answer(request)
        if response.stream is not None:
            ids: Headers = ((b"x-request-id", request.id.encode()), *own)
            await (stream_head if request.method == "HEAD" else stream)(response, ids, receive, send)
            return
        headers: Headers = (*response.headers, (b"x-request-id", request.id.encode()), *own)
        if response.status != 204 and response.status != 304:
            headers = (*headers, (b"content-length", b"%d" % len(response.body)))
        body = b"" if request.method == "HEAD" else response.body
        whole = request.scope.get(WHOLE)
        if whole is not None:
            whole(response.status, headers, body)
        else:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def _request_id(request: Request) -> str:
    given = request.header(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return f"{_PROCESS}{next(_NUMBERS):08x}"


def _tell(request: Request, response: Response, seconds: float) -> None:
    failure = request.failure
    _log.log(
        ERROR if failure else INFO,
        "request",
        method=request.method,
        path=request.path,
        query=[
            name.partition(b"=")[0].decode("latin-1")
            for name in request.scope["query_string"].split(b"&")
            if name
        ],
        status=response.status,
        duration=round(seconds * 1000, 3),
        ip=request.client,
        userAgent=request.header(b"user-agent"),
        userId=request.actor.id if request.actor else None,
        requestId=request.id,
        **({"err": _described(failure)} if failure else {}),
    )


def _described(error: BaseException) -> dict[str, object]:
    # The message of a driver's error may quote a row's values: the log names what failed, not with what.
    told = (
        str(error) if isinstance(error, Fault | Violation | Retry) else getattr(error, "sqlstate", None) or ""
    )
    return {"type": type(error).__name__, "message": told, "stack": _own_frames(error)}


def _own_frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "monynha" in frame.filename]
    return [f"{frame.filename.rpartition('monynha/')[2]}:{frame.lineno} in {frame.name}" for frame in own]

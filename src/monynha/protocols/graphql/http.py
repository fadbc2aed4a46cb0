"""GraphQL over HTTP: what a request may look like, and which status its answer has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, Fault, NotAcceptable, Unauthenticated, UnsupportedMediaType
from monynha.core.wire import parse_json
from monynha.protocols.graphql.errors import Refused, body_of, told
from monynha.protocols.graphql.events import Events
from monynha.protocols.graphql.media import EVENTS, GRAPHQL, JSON, chosen, takes_events
from monynha.protocols.graphql.sent import read_sent
from monynha.protocols.graphql.service import GraphQL
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, headers
from monynha.protocols.http.router import Area, Route

PATH = "/graphql"
MOST_IN_A_BATCH = 10
# No page of another site sends these without asking first (Fetch, CORS-safelisted headers).
_FORCES_PREFLIGHT = (
    b"authorization",
    b"apikey",
    b"x-requested-with",
    b"graphql-require-preflight",
    b"apollo-require-preflight",
    b"x-apollo-operation-name",
)


@dataclass(frozen=True)
class Endpoint:
    """The address `/graphql`; `page` is what a browser is shown there, in development."""

    service: GraphQL
    identify: Callable[[Request], Actor]
    events: Events
    page: Response | None = None

    def area(self, *beside: Route) -> Area:
        """Return the address, its errors told as GraphQL tells them."""
        routes = (Route("GET", "", self.get), Route("POST", "", self.post), *beside)
        return Area(PATH, routes, render=refused)

    async def get(self, request: Request) -> Response:
        """Answer a query that stands in the address."""
        accept = request.header(b"accept") or ""
        if self.page is not None and "text/html" in accept and not request.scope["query_string"]:
            return self.page
        kind = chosen(accept)
        actor = self.identify(request)
        if not _forces_preflight(request):
            raise BadRequest(
                "A GET needs a header that no form can send, as GraphQL-Require-Preflight: 1.",
                details={"GraphQL-Require-Preflight": "is required"},
            )
        told_limits = await self.service.count(request, actor, 1)
        query = request.query
        body = {name: query.get(name) for name in ("query", "operationName")}
        body |= {name: _json_in(query, name) for name in ("variables", "extensions")}
        return await self._single(body, actor, request, kind=kind, limits=told_limits, may_change=False)

    async def post(self, request: Request) -> Response:
        """Answer a document, or a batch of them."""
        kind = chosen(request.header(b"accept"))
        actor = self.identify(request)
        content = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        if content != JSON:
            # So that no form of another site can send it (and the standard wants it).
            raise UnsupportedMediaType()
        body = parse_json(await request.body())
        if not isinstance(body, list):
            told_limits = await self.service.count(request, actor, 1)
            return await self._single(body, actor, request, kind=kind, limits=told_limits)
        if kind == EVENTS:
            raise NotAcceptable("Each document of a batch needs an event stream of its own.")
        if not 1 <= len(body) <= MOST_IN_A_BATCH:
            raise BadRequest(f"A batch holds 1 to {MOST_IN_A_BATCH} requests, not {len(body)}.")
        told_limits = await self.service.count(request, actor, len(body))
        answers = [await self._one_of_batch(one, actor, request) for one in body]
        return _response(b"[" + b",".join(answers) + b"]", kind, extra=headers(*told_limits))

    async def _single(
        self,
        body: object,
        actor: Actor,
        request: Request,
        *,
        kind: str,
        limits: tuple[tuple[str, str], ...],
        may_change: bool = True,
    ) -> Response:
        extra = headers(*limits)
        try:
            ready = await self.service.prepare(read_sent(body), actor)
            if ready.is_subscription and takes_events(request.header(b"accept")):
                return await self.events.of_subscription(ready, request, extra)
            answer = await self.service.answer(ready, request, may_change=may_change)
        except Refused as fault:
            if kind == EVENTS:
                return self.events.of_answer(body_of(fault.errors), extra)
            # With the older media type every answer to a well-formed request is a 200.
            return _response(body_of(fault.errors), kind, status=400 if kind == GRAPHQL else 200, extra=extra)
        except Fault as fault:
            fault.headers = (*fault.headers, *limits)
            raise
        if kind == EVENTS:
            return self.events.of_answer(answer, extra)
        return _response(answer, kind, extra=extra)

    async def _one_of_batch(self, body: object, actor: Actor, request: Request) -> bytes:
        try:
            return await self.service.answer(await self.service.prepare(read_sent(body), actor), request)
        except Refused as fault:
            return body_of(fault.errors)
        except Unauthenticated:
            raise
        except Fault as fault:
            return body_of([told(fault, request_id=request.id)])


def refused(fault: Fault, request: Request, stack: Sequence[str]) -> Response:
    """Tell an error of the whole request."""
    error = told(fault, request_id=request.id)
    if stack:
        error["extensions"]["stack"] = list(stack)
    extra = headers(*fault.headers)
    if isinstance(fault, Unauthenticated):
        extra = (*extra, (b"www-authenticate", b"Bearer"))
    accept = (request.header(b"accept") or "").lower()
    kind = GRAPHQL if GRAPHQL in accept else JSON
    return _response(body_of([error]), kind, status=fault.status, extra=extra)


def _response(body: bytes, kind: str, *, status: int = 200, extra: Headers = ()) -> Response:
    content = f"{kind}; charset=utf-8".encode()
    fixed = ((b"content-type", content), (b"cache-control", b"private, no-store"), (b"vary", b"Accept"))
    return Response(status, body, (*fixed, *extra))


def _forces_preflight(request: Request) -> bool:
    content = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    return content == JSON or any(request.header(name) is not None for name in _FORCES_PREFLIGHT)


def _json_in(query: dict[str, str], name: str) -> Any:
    text = query.get(name)
    return None if not text else parse_json(text.encode("utf-8", "surrogatepass"))

"""GraphQL over HTTP: what a request may look like, and which status its answer has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from monynha.core.actor import Actor
from monynha.core.errors import (
    AppError,
    BadRequestError,
    NotAcceptableError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from monynha.core.serialization import parse_json
from monynha.protocols.graphql.errors import RequestError, encode_response, format_error
from monynha.protocols.graphql.executor import GraphQLExecutor
from monynha.protocols.graphql.transport.content_negotiation import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    accepts_event_stream,
    negotiate,
)
from monynha.protocols.graphql.transport.request_params import parse_request_params
from monynha.protocols.graphql.transport.sse import SseTransport
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, encode_headers
from monynha.protocols.http.router import Route, RouteGroup

PATH = "/graphql"
MAX_BATCH_SIZE = 10
# No page of another site sends these without asking first (Fetch, CORS-safelisted headers).
_PREFLIGHT_HEADERS = (
    b"authorization",
    b"apikey",
    b"x-requested-with",
    b"graphql-require-preflight",
    b"apollo-require-preflight",
    b"x-apollo-operation-name",
)


@dataclass(frozen=True)
class GraphQLEndpoint:
    """The address `/graphql`; `page` is what a browser is shown there, in development."""

    executor: GraphQLExecutor
    authenticate: Callable[[Request], Actor]
    sse: SseTransport
    graphiql_page: Response | None = None

    def route_group(self, *extra_routes: Route) -> RouteGroup:
        """Return the address, its errors told as GraphQL tells them."""
        routes = (Route("GET", "", self.get), Route("POST", "", self.post), *extra_routes)
        return RouteGroup(PATH, routes, error_renderer=render_error)

    async def get(self, request: Request) -> Response:
        """Answer a query that stands in the address."""
        accept = request.header(b"accept") or ""
        if self.graphiql_page is not None and "text/html" in accept and not request.scope["query_string"]:
            return self.graphiql_page
        media_type = negotiate(accept)
        actor = self.authenticate(request)
        if not _requires_preflight(request):
            raise BadRequestError(
                "A GET needs a header that no form can send, as GraphQL-Require-Preflight: 1.",
                details={"GraphQL-Require-Preflight": "is required"},
            )
        rate_limit_headers = await self.executor.count_requests(request, actor, 1)
        query = request.query_params
        body = {name: query.get(name) for name in ("query", "operationName")}
        body |= {name: _parse_json_param(query, name) for name in ("variables", "extensions")}
        return await self._respond_to_one(
            body,
            actor,
            request,
            media_type=media_type,
            rate_limit_headers=rate_limit_headers,
            allows_mutations=False,
        )

    async def post(self, request: Request) -> Response:
        """Answer a document, or a batch of them."""
        media_type = negotiate(request.header(b"accept"))
        actor = self.authenticate(request)
        content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        if content_type != JSON:
            # So that no form of another site can send it (and the standard wants it).
            raise UnsupportedMediaTypeError()
        body = parse_json(await request.body())
        if not isinstance(body, list):
            rate_limit_headers = await self.executor.count_requests(request, actor, 1)
            return await self._respond_to_one(
                body, actor, request, media_type=media_type, rate_limit_headers=rate_limit_headers
            )
        if media_type == EVENT_STREAM:
            raise NotAcceptableError("Each document of a batch needs an event stream of its own.")
        if not 1 <= len(body) <= MAX_BATCH_SIZE:
            raise BadRequestError(f"A batch holds 1 to {MAX_BATCH_SIZE} requests, not {len(body)}.")
        rate_limit_headers = await self.executor.count_requests(request, actor, len(body))
        results = [await self._execute_batch_item(one, actor, request) for one in body]
        return _build_response(
            b"[" + b",".join(results) + b"]", media_type, extra_headers=encode_headers(*rate_limit_headers)
        )

    async def _respond_to_one(
        self,
        body: object,
        actor: Actor,
        request: Request,
        *,
        media_type: str,
        rate_limit_headers: tuple[tuple[str, str], ...],
        allows_mutations: bool = True,
    ) -> Response:
        extra_headers = encode_headers(*rate_limit_headers)
        try:
            prepared = await self.executor.prepare(parse_request_params(body), actor)
            if prepared.is_subscription and accepts_event_stream(request.header(b"accept")):
                return await self.sse.subscribe(prepared, request, extra_headers)
            result = await self.executor.execute(prepared, request, allows_mutations=allows_mutations)
        except RequestError as error:
            if media_type == EVENT_STREAM:
                return self.sse.single_result(encode_response(error.errors), extra_headers)
            # With the older media type every answer to a well-formed request is a 200.
            return _build_response(
                encode_response(error.errors),
                media_type,
                status=400 if media_type == GRAPHQL_RESPONSE else 200,
                extra_headers=extra_headers,
            )
        except AppError as error:
            error.headers = (*error.headers, *rate_limit_headers)
            raise
        if media_type == EVENT_STREAM:
            return self.sse.single_result(result, extra_headers)
        return _build_response(result, media_type, extra_headers=extra_headers)

    async def _execute_batch_item(self, body: object, actor: Actor, request: Request) -> bytes:
        try:
            return await self.executor.execute(await self.executor.prepare(parse_request_params(body), actor), request)
        except RequestError as error:
            return encode_response(error.errors)
        except UnauthenticatedError:
            raise
        except AppError as error:
            return encode_response([format_error(error, request_id=request.id)])


def render_error(error: AppError, request: Request, stack: Sequence[str]) -> Response:
    """Tell an error of the whole request."""
    entry = format_error(error, request_id=request.id)
    if stack:
        entry["extensions"]["stack"] = list(stack)
    extra_headers = encode_headers(*error.headers)
    if isinstance(error, UnauthenticatedError):
        extra_headers = (*extra_headers, (b"www-authenticate", b"Bearer"))
    accept = (request.header(b"accept") or "").lower()
    media_type = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in accept else JSON
    return _build_response(encode_response([entry]), media_type, status=error.status, extra_headers=extra_headers)


def _build_response(body: bytes, media_type: str, *, status: int = 200, extra_headers: Headers = ()) -> Response:
    content_type = f"{media_type}; charset=utf-8".encode()
    fixed = ((b"content-type", content_type), (b"cache-control", b"private, no-store"), (b"vary", b"Accept"))
    return Response(status, body, (*fixed, *extra_headers))


def _requires_preflight(request: Request) -> bool:
    content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    return content_type == JSON or any(request.header(name) is not None for name in _PREFLIGHT_HEADERS)


def _parse_json_param(query: dict[str, str], name: str) -> Any:
    text = query.get(name)
    return None if not text else parse_json(text.encode("utf-8", "surrogatepass"))

"""GraphQL over HTTP at `/graphql`: which requests are accepted, and the status of their responses.

Follows the GraphQL over HTTP specification, with batches as Apollo has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

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
from monynha.protocols.graphql.execution.context import Caller
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
from monynha.protocols.http.response import (
    Headers,
    Response,
    encode_headers,
)
from monynha.protocols.http.router import Route, RouteGroup

PATH = "/graphql"
MAX_BATCH_SIZE = 10
# Pages of other origins cannot send these without a preflight (Fetch, CORS-safelisted request headers).
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
    """The endpoint `/graphql`; `graphiql_page` is what a browser gets there, in development."""

    executor: GraphQLExecutor
    authenticate: Callable[[Request], Actor]
    sse: SseTransport
    graphiql_page: Response | None = None

    def route_group(self, *extra_routes: Route) -> RouteGroup:
        """Return the endpoint's routes, with errors in GraphQL's format."""
        routes = (Route("GET", "", self.get), Route("POST", "", self.post), *extra_routes)
        return RouteGroup(PATH, routes, error_renderer=render_error)

    async def get(self, request: Request) -> Response:
        """Respond to a query in the URL's query string."""
        accept = request.header(b"accept") or ""
        if self.graphiql_page is not None and "text/html" in accept and not request.scope["query_string"]:
            return self.graphiql_page
        media_type = negotiate(accept)
        caller = self._caller(request)
        if not _requires_preflight(request):
            raise BadRequestError(
                "A GET request needs a header that forces a CORS preflight, such as GraphQL-Require-Preflight: 1.",
                details={"GraphQL-Require-Preflight": "is required"},
            )
        request.response_header_lines = await self.executor.count_requests(caller, 1)
        query_params = request.query_params
        body: dict[str, object] = {name: query_params.get(name) for name in ("query", "operationName")}
        body |= {name: _parse_json_param(query_params, name) for name in ("variables", "extensions")}
        return await self._respond_to_one(body, caller, request, media_type, allows_mutations=False)

    async def post(self, request: Request) -> Response:
        """Respond to one request, or to a batch of them."""
        media_type = negotiate(request.header(b"accept"))
        caller = self._caller(request)
        if _content_type(request) != JSON:
            # Forms of other sites cannot send JSON; and the specification requires it.
            raise UnsupportedMediaTypeError()
        body = parse_json(await request.body())
        if not isinstance(body, list):
            request.response_header_lines = await self.executor.count_requests(caller, 1)
            return await self._respond_to_one(body, caller, request, media_type)
        if media_type == EVENT_STREAM:
            raise NotAcceptableError("A batch has no event stream; send its requests one by one.")
        if not 1 <= len(body) <= MAX_BATCH_SIZE:
            raise BadRequestError(f"A batch holds 1 to {MAX_BATCH_SIZE} requests, not {len(body)}.")
        request.response_header_lines = await self.executor.count_requests(caller, len(body))
        results = [await self._execute_batch_item(item, caller) for item in body]
        return _build_response(b"[" + b",".join(results) + b"]", media_type)

    def _caller(self, request: Request) -> Caller:
        user_agent = request.header(b"user-agent") or ""
        accept_language = request.header(b"accept-language") or ""
        return Caller(self.authenticate(request), request.id, request.client_ip, user_agent, accept_language)

    async def _respond_to_one(
        self,
        body: object,
        caller: Caller,
        request: Request,
        media_type: str,
        *,
        allows_mutations: bool = True,
    ) -> Response:
        try:
            prepared = await self.executor.prepare(parse_request_params(body), caller)
            if prepared.is_subscription and accepts_event_stream(request.header(b"accept")):
                return await self.sse.subscribe(prepared)
            request.is_read = prepared.is_query
            result = await self.executor.execute(prepared, allows_mutations=allows_mutations)
        except RequestError as error:
            result = encode_response(error.errors)
            if media_type == EVENT_STREAM:
                return self.sse.single_result(result)
            # With the older media type every response to a well-formed request is a 200.
            status = 400 if media_type == GRAPHQL_RESPONSE else 200
            return _build_response(result, media_type, status=status)
        if media_type == EVENT_STREAM:
            return self.sse.single_result(result)
        return _build_response(result, media_type)

    async def _execute_batch_item(self, body: object, caller: Caller) -> bytes:
        try:
            prepared = await self.executor.prepare(parse_request_params(body), caller)
            return await self.executor.execute(prepared)
        except RequestError as error:
            return encode_response(error.errors)
        except UnauthenticatedError:
            raise
        except AppError as error:
            return encode_response([format_error(error, request_id=caller.request_id)])


def render_error(error: AppError, request: Request, stack: Sequence[str]) -> Response:
    """Return the response for an error of the whole HTTP request; `stack` is given in development only."""
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
    return Response(status, body, (*_fixed_headers(media_type), *extra_headers))


@cache
def _fixed_headers(media_type: str) -> Headers:
    return (
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"cache-control", b"private, no-store"),
        (b"vary", b"Accept"),
    )


def _content_type(request: Request) -> str:
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower()


def _requires_preflight(request: Request) -> bool:
    """Whether a browser sends the request to another origin only after a CORS preflight."""
    return _content_type(request) == JSON or any(request.header(name) is not None for name in _PREFLIGHT_HEADERS)


def _parse_json_param(query_params: Mapping[str, str], name: str) -> object:
    text = query_params.get(name)
    if not text:
        return None
    value: object = parse_json(text.encode("utf-8", "surrogatepass"))
    return value

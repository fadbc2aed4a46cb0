"""What every REST handler needs: the services, the stages around it, and the parsing of a path, query and body.

`RestContext.wrap` is the pipeline of a request: authenticate → rate limit → handle → respond. A handler parses, plans
and executes (`read_handlers`, `write_handlers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.errors import AppError, NotAcceptableError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.engine.mutation.mutations import Mutations, PrimaryKey
from monynha.engine.mutation.validation import unwrap_data
from monynha.engine.query.queries import Queries
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection, Database, check_session_before_error
from monynha.protocols.http.content_negotiation import accepts_json
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler
from monynha.protocols.rest.query_params import QueryParamParser
from monynha.protocols.rest.resource_routes import id_parameter

Authenticate = Callable[[Request], Actor]
"""Return the actor of a request, anonymous if it has no token; UnauthenticatedError if its token is invalid."""


@dataclass(frozen=True)
class RestContext:
    """The services that handlers use, and the stages around each handler."""

    catalog: Catalog
    database: Database
    queries: Queries
    mutations: Mutations
    authenticate: Authenticate
    rate_limits: RateLimits

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that is rate limited, and that reports an ended session before any other error."""

        limits = self.rate_limits

        async def handle(request: Request) -> Response:
            if limits.limits_api:
                try:
                    actor = self.authenticate(request)
                except UnauthenticatedError:
                    # Guessing tokens counts by IP.
                    request.response_header_lines = await limits.count_api_request(request.client_ip, None)
                    raise
                lines = limits.try_count_api_request(request.client_ip, actor)
                request.response_header_lines = (
                    await limits.count_api_request(request.client_ip, actor) if lines is None else lines
                )
            try:
                return await handler(request)
            except AppError as error:
                await check_session_before_error(self.database.as_actor(self.authenticate(request)), error)
                raise

        return handle

    @property
    def query_params(self) -> QueryParamParser:
        """The parser of query parameters."""
        return QueryParamParser(self.catalog)

    def connect(self, request: Request) -> ActorConnection:
        """Return the database as the request's actor; UnauthenticatedError if it is anonymous."""
        actor = self.authenticate(request)
        if actor.is_anonymous:
            raise UnauthenticatedError()
        return self.database.as_actor(actor)


def require_json_accepted(request: Request) -> None:
    """Raise NotAcceptableError if the client does not accept JSON."""
    if not accepts_json(request.header(b"accept")):
        raise NotAcceptableError()


def read_query(request: Request) -> dict[str, str]:
    """Return the query parameters; NotAcceptableError if the client does not accept JSON."""
    require_json_accepted(request)
    return request.query_params


async def read_json_body(request: Request) -> object:
    """Return the JSON body, without the wrapper `data` if it has one."""
    return unwrap_data(await request.json())


def parse_id(text: str, actor: Actor, name: str) -> UUID:
    """Return the id in a path; `me` is the actor's. NotFoundError names the resource if it is no UUID."""
    id = actor.id if text == "me" else parse_uuid(text)
    if id is None:
        raise NotFoundError.for_name(name)
    return id


def parse_primary_key(resource: Resource, request: Request, actor: Actor) -> PrimaryKey:
    """Return the primary key that an item's path names."""
    own_id = parse_id(request.path_params[id_parameter(resource)], actor, resource.singular)
    if not resource.is_nested or resource.parent is None:
        return (own_id,)
    parent_id = parse_id(request.path_params["id"], actor, resource.parent.target.singular)
    return tuple(parent_id if column is resource.parent_column else own_id for column in resource.primary_key)

"""What the routes of storage depend on: the services, the actor of a request, and rate limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from monynha.core.actor import ANONYMOUS, Actor
from monynha.core.errors import UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    MissingAuthorizationError,
    ObjectNotFoundError,
)
from monynha.domains.storage.rendering import ImageRenderer
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler

Authenticate = Callable[[Request], Actor]
ActorHandler = Callable[[Request, Actor], Awaitable[Response]]


@dataclass(frozen=True)
class StorageContext:
    """The services, and the stages around each handler: authenticate → rate limit → handle."""

    services: StorageServices
    authenticate: Authenticate
    rate_limits: RateLimits
    site_url: str
    renderer: ImageRenderer

    def as_actor(self, handler: ActorHandler) -> Handler:
        """Return a handler of requests with a bearer token, the anon key at least."""

        async def handle(request: Request) -> Response:
            if request.header(b"authorization") is None:
                raise MissingAuthorizationError()
            actor = await self._authenticate(request)
            request.response_header_lines = await self.rate_limits.count_api_request(request.client_ip, actor)
            _check_bucket(request)
            return await self._handle(handler, request, actor)

        return handle

    def as_anybody(self, handler: ActorHandler) -> Handler:
        """Return a handler of requests with or without a token."""

        async def handle(request: Request) -> Response:
            if request.header(b"authorization") is not None:
                actor = await self._authenticate(request)
                request.response_header_lines = await self.rate_limits.count_api_request(request.client_ip, actor)
                _check_bucket(request)
                return await self._handle(handler, request, actor)
            request.response_header_lines = await self.rate_limits.count_public_request(request.client_ip)
            _check_bucket(request)
            return await handler(request, ANONYMOUS)

        return handle

    def as_public(self, handler: Handler) -> Handler:
        """Return a handler of requests whose token, if any, is not looked at."""

        async def handle(request: Request) -> Response:
            request.response_header_lines = await self.rate_limits.count_public_request(request.client_ip)
            _check_bucket(request)
            return await handler(request)

        return handle

    async def _handle(self, handler: ActorHandler, request: Request, actor: Actor) -> Response:
        """Handle a request; an object that needs a second factor is told from one that is not there."""
        try:
            return await handler(request, actor)
        except (AccessDeniedError, ObjectNotFoundError):
            project_id = parse_uuid(request.path_params.get("path", "").partition("/")[0])
            if project_id is not None:
                await self.services.objects.database.as_actor(actor).explain_absence((project_id,))
            raise

    async def _authenticate(self, request: Request) -> Actor:
        try:
            return self.authenticate(request)
        except UnauthenticatedError:
            # Guessing tokens counts by address.
            await self.rate_limits.count_api_request(request.client_ip, None)
            raise


def _check_bucket(request: Request) -> None:
    """Raise BucketNotFoundError for a name with NUL, which PostgreSQL's texts cannot contain."""
    if "\x00" in request.path_params.get("bucket", ""):
        raise BucketNotFoundError()

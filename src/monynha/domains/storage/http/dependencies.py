"""What the routes of storage depend on: the services, the actor of a request, and rate limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import MissingAuthorizationError
from monynha.domains.storage.rendering import ImageRenderer
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_header_lines, encode_headers
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
            limit_lines = await self.rate_limits.count_api_request(request.client_ip, actor)
            return (await handler(request, actor)).with_header_lines(limit_lines)

        return handle

    def as_anybody(self, handler: ActorHandler) -> Handler:
        """Return a handler of requests with or without a token."""

        async def handle(request: Request) -> Response:
            if request.header(b"authorization") is not None:
                actor = await self._authenticate(request)
                limit_lines = await self.rate_limits.count_api_request(request.client_ip, actor)
                return (await handler(request, actor)).with_header_lines(limit_lines)
            limit_lines = await self.rate_limits.count_public_request(request.client_ip)
            return (await handler(request, ANONYMOUS)).with_header_lines(limit_lines)

        return handle

    def as_public(self, handler: Handler) -> Handler:
        """Return a handler of requests whose token, if any, is not looked at."""

        async def handle(request: Request) -> Response:
            limit_lines = await self.rate_limits.count_public_request(request.client_ip)
            return (await handler(request)).with_header_lines(limit_lines)

        return handle

    async def count_upload(self, actor: Actor) -> bytes:
        """Count an upload of a user; return the header lines that report the limit. Raises RateLimitedError."""
        if actor.id is None or actor.is_admin or actor.kind is not ActorKind.USER:
            return b""
        return encode_header_lines(encode_headers(*await self.rate_limits.count_upload(actor.id)))

    async def _authenticate(self, request: Request) -> Actor:
        try:
            return self.authenticate(request)
        except UnauthenticatedError:
            # Guessing tokens counts by address.
            await self.rate_limits.count_api_request(request.client_ip, None)
            raise

"""The API's rate limit around every handler: per person, or per address where nobody is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import AppError, UnauthenticatedError
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Handler

Authenticate = Callable[[Request], Actor]


@dataclass(frozen=True)
class RateLimitMiddleware:
    """Counts requests before they are handled; admins and the service key are not counted.

    A token that is not good makes nobody of its bearer, so trying tokens out counts by address.
    """

    limits: RateLimits

    def wrap(self, handler: Handler, authenticate: Authenticate) -> Handler:
        """Return the handler behind the limit, or the same where there is no limit."""
        if self.limits.api_per_user is None and self.limits.api_per_ip is None:
            return handler

        async def rate_limited(request: Request) -> Response:
            try:
                actor = authenticate(request)
            except UnauthenticatedError as error:
                error.headers = (
                    *error.headers,
                    *await self.limits.count_api_request(request.client_ip, None),
                )
                raise
            if actor.is_admin or actor.kind is ActorKind.SERVICE:
                return await handler(request)
            limit_headers = await self.limits.count_api_request(request.client_ip, actor.id)
            try:
                response = await handler(request)
            except AppError as error:
                if not any(name == "RateLimit" for name, _ in error.headers):
                    error.headers = (*error.headers, *limit_headers)
                raise
            return replace(response, headers=(*response.headers, *encode_headers(*limit_headers)))

        return rate_limited

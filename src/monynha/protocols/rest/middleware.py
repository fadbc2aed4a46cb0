"""The API's rate limit around every handler: per person, or per address where nobody is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from monynha.core.actor import Actor
from monynha.core.errors import AppError, UnauthenticatedError
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Handler

Authenticate = Callable[[Request], Actor]


@dataclass(frozen=True)
class RateLimitMiddleware:
    """Counts requests before they are handled, and adds the RateLimit headers to their responses.

    A token that is not good makes nobody of its bearer, so trying tokens out counts by address.
    """

    limits: RateLimits

    def wrap(self, handler: Handler, authenticate: Authenticate) -> Handler:
        """Return the handler behind the limit, or the same where there is no limit."""
        if not self.limits.limits_api:
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
            limit_headers = await self.limits.count_api_request(request.client_ip, actor)
            try:
                response = await handler(request)
            except AppError as error:
                if not any(name == "RateLimit" for name, _ in error.headers):
                    error.headers = (*error.headers, *limit_headers)
                raise
            return replace(response, headers=(*response.headers, *encode_headers(*limit_headers)))

        return rate_limited

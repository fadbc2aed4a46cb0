"""Middleware around every handler below `/api/v1`: authenticate, rate limit, and check the session before an error."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monynha.core.errors import AppError, UnauthenticatedError
from monynha.infra.postgres.database import check_session_before_error
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Handler
from monynha.protocols.rest.context import Authenticate, RestContext


@dataclass(frozen=True)
class RateLimitMiddleware:
    """Counts requests before they are handled, and adds the RateLimit headers to their responses.

    A request with an invalid token counts as an anonymous one, per IP.
    """

    limits: RateLimits

    def wrap(self, handler: Handler, authenticate: Authenticate) -> Handler:
        """Return a handler that counts the request first; the handler itself if no limit is set."""
        if not self.limits.limits_api:
            return handler

        async def rate_limited(request: Request) -> Response:
            try:
                actor = authenticate(request)
            except UnauthenticatedError as error:
                limit_headers = await self.limits.count_api_request(request.client_ip, None)
                error.headers = (*error.headers, *limit_headers)
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


def check_session_first(context: RestContext, handler: Handler) -> Handler:
    """Return a handler that reports 401 instead of another error if the actor's session is over."""

    async def session_checked(request: Request) -> Response:
        try:
            return await handler(request)
        except AppError as error:
            connection = context.database.as_actor(context.authenticate(request))
            await check_session_before_error(connection, error)
            raise

    return session_checked

"""The API's rate limit around every handler: per person, or per address where nobody is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import Fault, Unauthenticated
from monynha.protocols.http.limits import Limits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, headers
from monynha.protocols.http.router import Handler

Identify = Callable[[Request], Actor]


@dataclass(frozen=True)
class Limited:
    """Counts requests before they are handled; admins and the service key are not counted.

    A token that is not good makes nobody of its bearer, so trying tokens out counts by address.
    """

    limits: Limits

    def around(self, handler: Handler, identify: Identify) -> Handler:
        """Return the handler behind the limit, or the same where there is no limit."""
        if self.limits.api is None and self.limits.api_address is None:
            return handler

        async def limited(request: Request) -> Response:
            try:
                actor = identify(request)
            except Unauthenticated as fault:
                fault.headers = (*fault.headers, *await self.limits.api_request(request.client, None))
                raise
            if actor.is_admin or actor.kind is ActorKind.SERVICE:
                return await handler(request)
            told = await self.limits.api_request(request.client, actor.id)
            try:
                response = await handler(request)
            except Fault as fault:
                if not any(name == "RateLimit" for name, _ in fault.headers):
                    fault.headers = (*fault.headers, *told)
                raise
            return replace(response, headers=(*response.headers, *headers(*told)))

        return limited

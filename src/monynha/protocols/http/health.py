"""Whether the process is up, and whether it can answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monynha.core.errors import UnavailableError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route, RouteGroup

HealthCheck = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class HealthRoutes:
    """`/healthz` says that the process is up; `/readyz` asks the servers it depends on.

    Without what is `needed` nothing can be answered; without what is merely `useful` we are slower.
    """

    required: Mapping[str, HealthCheck]
    optional: Mapping[str, HealthCheck]

    def route_group(self) -> RouteGroup:
        """Return the two addresses."""
        return RouteGroup("", (Route("GET", "/healthz", self.healthz), Route("GET", "/readyz", self.readyz)))

    async def healthz(self, request: Request) -> Response:
        """Answer that the process is up."""
        return json_response({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Answer whether requests can be served, naming what is away."""
        unavailable = [name for name, check in self.required.items() if not await check()]
        if unavailable:
            raise UnavailableError(f"Away just now: {', '.join(unavailable)}.")
        degraded = [name for name, check in self.optional.items() if not await check()]
        return json_response({"status": "degraded" if degraded else "ok", "degraded": degraded})

"""Health checks: `/healthz` (the process is up) and `/readyz` (it can serve requests)."""

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
    """The two health endpoints, with checks by the names of the services that they reach."""

    required: Mapping[str, HealthCheck]
    """Without these no request can be served: `/readyz` is 503."""
    optional: Mapping[str, HealthCheck]
    """Without these requests are slower: `/readyz` is 200 and lists them as degraded."""

    def route_group(self) -> RouteGroup:
        """Return both routes."""
        return RouteGroup("", (Route("GET", "/healthz", self.healthz), Route("GET", "/readyz", self.readyz)))

    async def healthz(self, request: Request) -> Response:
        """Report that the process is up."""
        return json_response({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Report whether requests can be served; raise UnavailableError if a required service is away."""
        unavailable = [name for name, check in self.required.items() if not await check()]
        if unavailable:
            raise UnavailableError(f"Unavailable: {', '.join(unavailable)}.")
        degraded = [name for name, check in self.optional.items() if not await check()]
        return json_response({"status": "degraded" if degraded else "ok", "degraded": degraded})

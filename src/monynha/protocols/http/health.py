"""Whether the process is up, and whether it can answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monynha.core.errors import Unavailable
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Area, Route

Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Health:
    """`/healthz` says that the process is up; `/readyz` asks the servers it depends on.

    Without what is `needed` nothing can be answered; without what is merely `useful` we are slower.
    """

    needed: Mapping[str, Check]
    useful: Mapping[str, Check]

    def area(self) -> Area:
        """Return the two addresses."""
        return Area("", (Route("GET", "/healthz", self.healthz), Route("GET", "/readyz", self.readyz)))

    async def healthz(self, request: Request) -> Response:
        """Answer that the process is up."""
        return json_response({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Answer whether requests can be served, naming what is away."""
        away = [name for name, check in self.needed.items() if not await check()]
        if away:
            raise Unavailable(f"Away just now: {', '.join(away)}.")
        degraded = [name for name, check in self.useful.items() if not await check()]
        return json_response({"status": "degraded" if degraded else "ok", "degraded": degraded})

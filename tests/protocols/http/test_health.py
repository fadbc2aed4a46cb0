"""Health checks: what makes the program unavailable, and what merely degrades it."""

from __future__ import annotations

import orjson
import pytest

from monynha.core.errors import UnavailableError
from monynha.protocols.http.health import HealthCheck, HealthRoutes
from monynha.protocols.http.request import HttpScope, Request, RequestMessage

pytestmark = pytest.mark.anyio


def check(result: bool) -> HealthCheck:
    """Return a check with this result."""

    async def run() -> bool:
        return result

    return run


def request() -> Request:
    """Return a request of which a health check reads nothing."""
    scope: HttpScope = {
        "type": "http",
        "asgi": {},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/readyz",
        "raw_path": b"/readyz",
        "query_string": b"",
        "headers": [],
        "client": None,
    }

    async def receive() -> RequestMessage:
        return {"type": "http.request", "body": b""}

    return Request(scope, receive, client_ip="192.0.2.1")


async def test_a_program_is_ready_with_what_it_requires() -> None:
    routes = HealthRoutes({"database": check(True)}, {"cache": check(True)})

    assert orjson.loads((await routes.readyz(request())).body) == {"status": "ok", "degraded": []}
    assert orjson.loads((await routes.healthz(request())).body) == {"status": "ok"}


async def test_a_missing_optional_service_degrades_the_program() -> None:
    routes = HealthRoutes({"database": check(True)}, {"cache": check(False)})

    assert orjson.loads((await routes.readyz(request())).body) == {"status": "degraded", "degraded": ["cache"]}


async def test_a_missing_required_service_makes_the_program_unavailable() -> None:
    routes = HealthRoutes({"database": check(False)}, {"cache": check(False)})

    with pytest.raises(UnavailableError, match="database"):
        await routes.readyz(request())
    assert (await routes.healthz(request())).status == 200

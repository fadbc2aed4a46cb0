"""The route group `/api/v1`: every resource route has a handler, and domains replace or add some."""

from __future__ import annotations

import pytest

from monynha.app.catalog import CATALOG
from monynha.app.composition.application import Application
from monynha.core.settings.settings import Settings
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.valkey.rate_limiter import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import RouteGroup
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.resource_routes import resource_routes
from monynha.protocols.rest.routes import RouteOverrides, rest_routes
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def no_content(request: Request) -> Response:
    """Respond without a body."""
    return Response(204)


def build_routes(program: Application, settings: Settings, overrides: RouteOverrides) -> RouteGroup:
    """Return the route group with these overrides."""
    queries, limits = Queries(Compiler()), RateLimits.from_settings(settings, RateLimiter(program.valkey))
    authenticate = program.auth.authenticate
    context = RestContext(CATALOG, program.database, queries, Mutations(queries), authenticate, limits)
    return rest_routes(context, overrides)


def test_every_resource_route_has_a_handler(program: Application, settings: Settings) -> None:
    group = build_routes(program, settings, {})

    expected = [(route.method, route.path) for route in resource_routes(CATALOG)]
    assert group.prefix == "/api/v1"
    assert [(route.method, route.path) for route in group.routes] == expected


def test_override_replaces_or_adds_a_route(program: Application, settings: Settings) -> None:
    derived = build_routes(program, settings, {})
    group = build_routes(program, settings, {("GET", "/tasks"): no_content, ("POST", "/tasks/sort"): no_content})

    added = {(route.method, route.path) for route in group.routes}
    assert added - {(route.method, route.path) for route in derived.routes} == {("POST", "/tasks/sort")}
    assert len(group.routes) == len(derived.routes) + 1


async def test_unknown_path_is_not_found_and_unknown_method_not_allowed(user: ApiUser) -> None:
    assert (await user.get("/nothing")).status_code == 404
    assert (await user.delete("/projects")).status_code == 405

"""The route group `/api/v1`: every resource route with its handler and middleware."""

from __future__ import annotations

from collections.abc import Mapping

from monynha.protocols.http.router import Handler, Route, RouteGroup
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.middleware import RateLimitMiddleware, check_session_first
from monynha.protocols.rest.read_handlers import ReadHandlers
from monynha.protocols.rest.resource_routes import API_PREFIX, ResourceRoute, resource_routes
from monynha.protocols.rest.write_handlers import WriteHandlers

RouteOverrides = Mapping[tuple[str, str], Handler]
"""A domain's own handlers, by method and path below `/api/v1`; they replace derived ones or add routes."""


def rest_routes(context: RestContext, overrides: RouteOverrides, rate_limit: RateLimitMiddleware) -> RouteGroup:
    """Return the route group `/api/v1`: all derived routes, and the domains' own in their place."""
    handlers = {(route.method, route.path): _handler_of(context, route) for route in resource_routes(context.catalog)}
    handlers.update(overrides)
    routes = (
        Route(method, path, rate_limit.wrap(check_session_first(context, handler), context.authenticate))
        for (method, path), handler in handlers.items()
    )
    return RouteGroup(API_PREFIX, tuple(routes))


def _handler_of(context: RestContext, route: ResourceRoute) -> Handler:
    match route.operation:
        case "list":
            return ReadHandlers(context, route.resource, route.parent_relation).list
        case "read":
            return ReadHandlers(context, route.resource).read
        case "create":
            return WriteHandlers(context, route.resource).create
        case "update":
            return WriteHandlers(context, route.resource).update
        case "delete":
            return WriteHandlers(context, route.resource).delete

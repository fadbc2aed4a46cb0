"""The area `/api/v1`: every derived address with its handler."""

from __future__ import annotations

from collections.abc import Mapping

from monynha.protocols.http.router import Handler, Route, RouteGroup
from monynha.protocols.rest.liveness import check_session_first
from monynha.protocols.rest.middleware import RateLimitMiddleware
from monynha.protocols.rest.read_handlers import ReadHandlers
from monynha.protocols.rest.resource_routes import API_PREFIX, ResourceRoute, resource_routes
from monynha.protocols.rest.write_handlers import RestContext, WriteHandlers

RouteOverrides = Mapping[tuple[str, str], Handler]
"""Handlers of a domain's own for a method and a path below `/api/v1`, instead of the derived ones."""


def rest_routes(context: RestContext, overrides: RouteOverrides, rate_limit: RateLimitMiddleware) -> RouteGroup:
    """Return the area `/api/v1`: all derived routes, with the domains' own in their place."""
    routes = {(one.method, one.path): _handler_of(context, one) for one in resource_routes(context.catalog)}
    routes.update(overrides)
    return RouteGroup(
        API_PREFIX,
        tuple(
            Route(method, path, rate_limit.wrap(check_session_first(context, handler), context.authenticate))
            for (method, path), handler in routes.items()
        ),
    )


def _handler_of(context: RestContext, route: ResourceRoute) -> Handler:
    write_handlers = WriteHandlers(context, route.resource)
    read_handlers = ReadHandlers(context, route.resource, route.parent_relation)
    return {
        "list": read_handlers.list,
        "read": read_handlers.read,
        "create": write_handlers.create,
        "update": write_handlers.update,
        "delete": write_handlers.delete,
    }[route.operation]

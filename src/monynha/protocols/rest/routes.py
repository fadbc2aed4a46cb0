"""Every resource's addresses, derived from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from monynha.engine.resource import Resource
from monynha.protocols.http.router import Area, Handler, Route
from monynha.protocols.rest.handlers import BASE, Handlers, Rest, own_parameter
from monynha.protocols.rest.limited import Limited

Overrides = Mapping[tuple[str, str], Handler]
"""Handlers of a domain's own for a method and a path below `/api/v1`, instead of the derived ones."""


def area(rest: Rest, overrides: Overrides, limited: Limited) -> Area:
    """Return the area `/api/v1`: all derived routes, with the domains' own in their place."""
    routes: dict[tuple[str, str], Handler] = {}
    for resource in rest.catalog.resources.values():
        for method, path, handler in _of(rest, resource):
            routes[method, path] = handler
    for relation in rest.catalog.listings:
        below = f"/{relation.source.plural}/{{id}}/{relation.name}"
        routes["GET", below] = Handlers(rest, relation.target).list_below(relation)
    routes.update(overrides)
    return Area(
        BASE,
        tuple(
            Route(method, path, limited.around(handler, rest.identify))
            for (method, path), handler in routes.items()
        ),
    )


def _of(rest: Rest, resource: Resource) -> list[tuple[str, str, Handler]]:
    handlers = Handlers(rest, resource)
    plural, within = f"/{resource.plural}", resource.within
    routes: list[tuple[str, str, Handler]] = []
    collection = plural
    if within is not None:
        collection = f"/{within.target.plural}/{{id}}{plural}"
        way = rest.catalog.relations_of(within.target)[resource.plural]
        routes.append(("GET", collection, handlers.list_below(way)))
    if not resource.is_reached_through_parent:
        routes.append(("GET", plural, handlers.list))
    item = f"{plural}/{{id}}"
    if resource.is_reached_through_parent:
        item = f"{collection}/{{{own_parameter(resource)}}}"
    written: dict[str, list[tuple[str, str, Handler]]] = {
        "read": [("GET", item, handlers.read)],
        "create": [("POST", collection, handlers.create)],
        "update": [("PUT", item, handlers.update), ("PATCH", item, handlers.update)],
        "delete": [("DELETE", item, handlers.delete)],
    }
    for verb, some in written.items():
        if verb in resource.verbs:
            routes += some
    return routes

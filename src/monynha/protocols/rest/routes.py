"""The area `/api/v1`: every derived address with its handler."""

from __future__ import annotations

from collections.abc import Mapping

from monynha.protocols.http.router import Area, Handler, Route
from monynha.protocols.rest.addresses import BASE, Address, addresses
from monynha.protocols.rest.handlers import Handlers, Rest
from monynha.protocols.rest.limited import Limited
from monynha.protocols.rest.liveness import live_first
from monynha.protocols.rest.reading import Reading

Overrides = Mapping[tuple[str, str], Handler]
"""Handlers of a domain's own for a method and a path below `/api/v1`, instead of the derived ones."""


def area(rest: Rest, overrides: Overrides, limited: Limited) -> Area:
    """Return the area `/api/v1`: all derived routes, with the domains' own in their place."""
    routes = {(one.method, one.path): _handler(rest, one) for one in addresses(rest.catalog)}
    routes.update(overrides)
    return Area(
        BASE,
        tuple(
            Route(method, path, limited.around(live_first(rest, handler), rest.identify))
            for (method, path), handler in routes.items()
        ),
    )


def _handler(rest: Rest, address: Address) -> Handler:
    handlers = Handlers(rest, address.resource)
    reading = Reading(rest, address.resource, address.below)
    return {
        "list": reading.list,
        "read": reading.read,
        "create": handlers.create,
        "update": handlers.update,
        "delete": handlers.delete,
    }[address.verb]

"""Where an answer leads: from what was created or listed to its own addresses, and to those below it."""

from __future__ import annotations

from collections.abc import Iterable

from monynha.engine.resource import Resource
from monynha.protocols.openapi.fields import Schema
from monynha.protocols.openapi.names import operation_id
from monynha.protocols.rest.addresses import Address, own_parameter


def of_answer(address: Address, all_addresses: Iterable[Address]) -> dict[str, Schema]:
    """Return the links of the answer that shows a row, or of a page by its first row.

    The next page has none: its cursor goes with the same filters and order, and a link cannot say so.
    """
    links: dict[str, Schema] = {}
    if address.verb not in ("create", "list"):
        return links
    row = "$response.body#/data" if address.verb == "create" else "$response.body#/data/0"
    for other in all_addresses:
        parameters = _leads(address.resource, other, row)
        if parameters is not None:
            name = operation_id(other)
            links[name[:1].upper() + name[1:]] = _link(other, parameters)
    return links


def _leads(resource: Resource, other: Address, row: str) -> dict[str, str] | None:
    """Return the parameters by which a row leads to an address, None where it does not."""
    own = own_parameter(resource)
    if other.resource is resource and other.below is None and other.verb in ("read", "update", "delete"):
        if not resource.is_reached_through_parent:
            return {"id": f"{row}/id"}
        parent = next(name for name, one in resource.fields.items() if one.column is resource.parent_column)
        return {"id": f"{row}/{parent}", own: f"{row}/{own}"}
    below = other.below.source if other.below is not None else None
    if other.verb == "create" and other.resource.within is not None:
        below = other.resource.within.target
    return {"id": f"{row}/id"} if below is resource else None


def _link(other: Address, parameters: dict[str, str]) -> Schema:
    return {"operationId": operation_id(other), "parameters": parameters}

"""OpenAPI links: from a created or listed row to the operations on it and below it."""

from __future__ import annotations

from collections.abc import Iterable

from monynha.engine.schema.resource import Resource
from monynha.protocols.openapi.field_schemas import Schema
from monynha.protocols.openapi.operation_ids import operation_id
from monynha.protocols.rest.resource_routes import ResourceRoute, id_parameter


def response_links(route: ResourceRoute, all_routes: Iterable[ResourceRoute]) -> dict[str, Schema]:
    """Return the links of a response with a row, or of a page by its first row.

    There is none to the next page: a link cannot repeat the filters and the order that its cursor belongs to.
    """
    links: dict[str, Schema] = {}
    if route.operation not in ("create", "list"):
        return links
    row = "$response.body#/data" if route.operation == "create" else "$response.body#/data/0"
    for target in all_routes:
        parameters = _link_parameters(route.resource, target, row)
        if parameters is not None:
            name = operation_id(target)
            links[name[:1].upper() + name[1:]] = _link(target, parameters)
    return links


def _link_parameters(resource: Resource, target: ResourceRoute, row: str) -> dict[str, str] | None:
    """Return the path parameters of the target by expressions on the row, None if they do not determine it."""
    own_id = id_parameter(resource)
    if (
        target.resource is resource
        and target.parent_relation is None
        and target.operation in ("read", "update", "delete")
    ):
        if not resource.is_nested:
            return {"id": f"{row}/id"}
        parent_field = next(name for name, field in resource.fields.items() if field.column is resource.parent_column)
        return {"id": f"{row}/{parent_field}", own_id: f"{row}/{own_id}"}
    parent_resource = target.parent_relation.source if target.parent_relation is not None else None
    if target.operation == "create" and target.resource.parent is not None:
        parent_resource = target.resource.parent.target
    return {"id": f"{row}/id"} if parent_resource is resource else None


def _link(target: ResourceRoute, parameters: dict[str, str]) -> Schema:
    return {"operationId": operation_id(target), "parameters": parameters}

"""The routes of every resource, derived from the catalog: which operation each method and path stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monynha.core.serialization import to_camel_case
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Relation, Resource

API_PREFIX = "/api/v1"
_ADMIN_PREFIX = "/admin"
"""Below it lie the resources that only system admins see."""
Operation = Literal["list", "read", "create", "update", "delete"]


@dataclass(frozen=True)
class ResourceRoute:
    """A method and a path below `/api/v1`, and the operation on a resource that they stand for."""

    method: str
    path: str
    operation: Operation
    resource: Resource
    parent_relation: Relation | None = None
    """The relation from the parent that the path of a list names."""


def resource_routes(catalog: Catalog) -> tuple[ResourceRoute, ...]:
    """Return all derived routes, each once."""
    routes: dict[tuple[str, str], ResourceRoute] = {}
    for resource in catalog.resources.values():
        for route in _routes_of(catalog, resource):
            routes[route.method, route.path] = route
    for relation in catalog.listed_relations:
        path = f"/{relation.source.plural}/{{id}}/{relation.name}"
        routes["GET", path] = ResourceRoute("GET", path, "list", relation.target, relation)
    return tuple(routes.values())


def id_parameter(resource: Resource) -> str:
    """Return the name of an item's own id in its path: `id`, or below a parent the name of the id's column."""
    return to_camel_case(resource.id_column.name)


def _routes_of(catalog: Catalog, resource: Resource) -> Iterator[ResourceRoute]:
    plural, parent = f"{_ADMIN_PREFIX if resource.is_admin_only else ''}/{resource.plural}", resource.parent
    collection_path = plural
    if parent is not None:
        collection_path = f"/{parent.target.plural}/{{id}}{plural}"
        relation = catalog.relations_of(parent.target)[resource.plural]
        yield ResourceRoute("GET", collection_path, "list", resource, relation)
    item_path = f"{plural}/{{id}}"
    if resource.is_nested:
        item_path = f"{collection_path}/{{{id_parameter(resource)}}}"
    else:
        yield ResourceRoute("GET", plural, "list", resource)
    operations: tuple[tuple[Operation, str, tuple[str, ...]], ...] = (
        ("read", item_path, ("GET",)),
        ("create", collection_path, ("POST",)),
        ("update", item_path, ("PUT", "PATCH")),
        ("delete", item_path, ("DELETE",)),
    )
    for operation, path, methods in operations:
        if operation in resource.operations:
            for method in methods:
                yield ResourceRoute(method, path, operation, resource)

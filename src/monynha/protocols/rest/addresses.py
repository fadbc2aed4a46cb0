"""Every resource's addresses, derived from the catalogue: what is asked of which resource, where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monynha.core.wire import camel
from monynha.engine.catalog import Catalog
from monynha.engine.resource import Relation, Resource

BASE = "/api/v1"
Verb = Literal["list", "read", "create", "update", "delete"]


@dataclass(frozen=True)
class Address:
    """A method and a path below `/api/v1`, and what is asked of a resource there.

    `below` is the way by which a list hangs on the parent that the path names.
    """

    method: str
    path: str
    verb: Verb
    resource: Resource
    below: Relation | None = None


def addresses(catalog: Catalog) -> tuple[Address, ...]:
    """Return all derived addresses, each once."""
    found: dict[tuple[str, str], Address] = {}
    for resource in catalog.resources.values():
        for one in _of(catalog, resource):
            found[one.method, one.path] = one
    for relation in catalog.listings:
        path = f"/{relation.source.plural}/{{id}}/{relation.name}"
        found["GET", path] = Address("GET", path, "list", relation.target, relation)
    return tuple(found.values())


def own_parameter(resource: Resource) -> str:
    """Return what an item's own id is called in its address: `id`, or below a parent the key's own name."""
    return camel(resource.own_key.name)


def _of(catalog: Catalog, resource: Resource) -> Iterator[Address]:
    plural, within = f"/{resource.plural}", resource.within
    collection = plural
    if within is not None:
        collection = f"/{within.target.plural}/{{id}}{plural}"
        way = catalog.relations_of(within.target)[resource.plural]
        yield Address("GET", collection, "list", resource, way)
    item = f"{plural}/{{id}}"
    if resource.is_reached_through_parent:
        item = f"{collection}/{{{own_parameter(resource)}}}"
    else:
        yield Address("GET", plural, "list", resource)
    written: tuple[tuple[Verb, str, tuple[str, ...]], ...] = (
        ("read", item, ("GET",)),
        ("create", collection, ("POST",)),
        ("update", item, ("PUT", "PATCH")),
        ("delete", item, ("DELETE",)),
    )
    for verb, path, methods in written:
        if verb in resource.verbs:
            for method in methods:
                yield Address(method, path, verb, resource)

"""What operations are called, for generated clients and for people."""

from __future__ import annotations

from monynha.protocols.rest.resource_routes import ResourceRoute

_VERB_PREFIXES = {"list": "list", "read": "get", "create": "create", "delete": "delete"}


def operation_id(route: ResourceRoute) -> str:
    """Return the operation's name, as `listProjectTasks`; PUT updates and PATCH patches."""
    prefix = _VERB_PREFIXES.get(route.operation) or ("patch" if route.method == "PATCH" else "update")
    if route.operation != "list":
        return prefix + route.resource.type_name
    if route.parent_relation is None:
        return prefix + _capitalize(route.resource.plural)
    return prefix + route.parent_relation.source.type_name + _capitalize(route.parent_relation.name)


def operation_summary(route: ResourceRoute) -> str:
    """Return what the operation does, in a few words."""
    one, many = route.resource.singular, route.resource.plural
    if route.operation == "list":
        return (
            f"List {many}"
            if route.parent_relation is None
            else f"List the {many} of a {route.parent_relation.source.singular}"
        )
    verb = {"read": "Read", "create": "Create", "update": "Change", "delete": "Delete"}[route.operation]
    return f"{verb} a {one}"


def _capitalize(word: str) -> str:
    return word[:1].upper() + word[1:]

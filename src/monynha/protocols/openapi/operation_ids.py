"""Operation ids (method names in generated clients) and summaries of resource routes."""

from __future__ import annotations

from monynha.protocols.rest.resource_routes import ResourceRoute

_VERB_PREFIXES = {"list": "list", "read": "get", "create": "create", "delete": "delete"}


def operation_id(route: ResourceRoute) -> str:
    """Return the id of an operation, such as `listTasks`; that of PUT begins with `update`, of PATCH with `patch`."""
    prefix = _VERB_PREFIXES.get(route.operation) or ("patch" if route.method == "PATCH" else "update")
    if route.operation != "list":
        return prefix + route.resource.type_name
    if route.parent_relation is None:
        return prefix + _capitalize(route.resource.plural)
    return prefix + route.parent_relation.source.type_name + _capitalize(route.parent_relation.name)


def operation_summary(route: ResourceRoute) -> str:
    """Return the summary of an operation, such as `List tasks`."""
    singular, plural = route.resource.singular, route.resource.plural
    if route.operation == "list":
        return (
            f"List {plural}"
            if route.parent_relation is None
            else f"List the {plural} of a {route.parent_relation.source.singular}"
        )
    verb = {"read": "Read", "create": "Create", "update": "Update", "delete": "Delete"}[route.operation]
    return f"{verb} a {singular}"


def _capitalize(word: str) -> str:
    return word[:1].upper() + word[1:]

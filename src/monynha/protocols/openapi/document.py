"""The API as one OpenAPI 3.1 document, derived from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monynha.engine.catalog import Catalog
from monynha.protocols.openapi import answers
from monynha.protocols.openapi.components import of_resources
from monynha.protocols.openapi.operations import Operations
from monynha.protocols.rest.addresses import BASE, Address, addresses
from monynha.protocols.rest.described import Action, Described

_SAYS = """\
Bodies are `{"data": {…}}` or the bare object.
Answers are `{"success": true, "data": …}`, errors `{"success": false, "error": {"code", "message", …}}`.
Send the access token as `Authorization: Bearer …`; who sees and changes what is decided by the database.
"""


def document(
    catalog: Catalog, described: Iterable[Described], actions: Iterable[Action], *, version: str
) -> dict[str, Any]:
    """Return the OpenAPI document of the catalogue, of what domains described themselves, and of actions."""
    own = {(one.method, one.path): one for one in described}
    derived = {(one.method, one.path): one for one in addresses(catalog)}
    for place, one in own.items():
        derived[place] = Address(one.method, one.path, one.verb, one.resource)
    operations = Operations(catalog, tuple(derived.values()), own)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), address in sorted(derived.items(), key=lambda item: item[0][1]):
        paths.setdefault(BASE + path, {})[method.lower()] = operations.of(address)
    for action in actions:
        paths.setdefault(BASE + action.path, {})[action.method.lower()] = operations.of_action(action)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Monynha", "version": version, "description": _SAYS, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": one.plural, "description": one.doc} for one in catalog.resources.values()],
        "paths": dict(sorted(paths.items())),
        "components": _components(catalog, operations),
    }


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _components(catalog: Catalog, operations: Operations) -> dict[str, Any]:
    schemas = of_resources(catalog) | operations.bodies() | answers.shared()
    for resource in catalog.resources.values():
        schemas |= answers.envelopes(resource)
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of /auth/v1.",
    }
    return {
        "schemas": dict(sorted(schemas.items())),
        "responses": answers.error_responses(),
        "headers": answers.shared_headers(),
        "securitySchemes": {"bearer": bearer},
    }

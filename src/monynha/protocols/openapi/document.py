"""The API as one OpenAPI 3.1 document, derived from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monynha.engine.schema.catalog import Catalog
from monynha.protocols.openapi import responses
from monynha.protocols.openapi.components import resource_schemas
from monynha.protocols.openapi.operations import OperationBuilder
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.resource_routes import API_PREFIX, ResourceRoute, resource_routes

_DESCRIPTION = """\
Bodies are `{"data": {…}}` or the bare object.
Answers are `{"success": true, "data": …}`, errors `{"success": false, "error": {"code", "message", …}}`.
Send the access token as `Authorization: Bearer …`; who sees and changes what is decided by the database.
"""


def build_document(
    catalog: Catalog,
    endpoint_docs: Iterable[EndpointDoc],
    actions: Iterable[CustomEndpointDoc],
    *,
    version: str,
) -> dict[str, Any]:
    """Return the OpenAPI document of the catalogue, of what domains described themselves, and of actions."""
    docs_by_endpoint = {(one.method, one.path): one for one in endpoint_docs}
    routes_by_endpoint = {(one.method, one.path): one for one in resource_routes(catalog)}
    for endpoint, one in docs_by_endpoint.items():
        routes_by_endpoint[endpoint] = ResourceRoute(one.method, one.path, one.operation, one.resource)
    operations = OperationBuilder(catalog, tuple(routes_by_endpoint.values()), docs_by_endpoint)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), route in sorted(routes_by_endpoint.items(), key=lambda item: item[0][1]):
        paths.setdefault(API_PREFIX + path, {})[method.lower()] = operations.build(route)
    for action in actions:
        paths.setdefault(API_PREFIX + action.path, {})[action.method.lower()] = operations.build_action(action)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Monynha", "version": version, "description": _DESCRIPTION, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": one.plural, "description": one.doc} for one in catalog.resources.values()],
        "paths": dict(sorted(paths.items())),
        "components": _components(catalog, operations),
    }


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _components(catalog: Catalog, operations: OperationBuilder) -> dict[str, Any]:
    schemas = resource_schemas(catalog) | operations.body_schemas() | responses.shared_schemas()
    for resource in catalog.resources.values():
        schemas |= responses.envelope_schemas(resource)
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of /auth/v1.",
    }
    return {
        "schemas": dict(sorted(schemas.items())),
        "responses": responses.error_responses(),
        "headers": responses.shared_headers(),
        "securitySchemes": {"bearer": bearer},
    }

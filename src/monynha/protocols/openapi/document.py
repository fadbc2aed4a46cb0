"""The whole OpenAPI 3.1 document, derived from the catalogue and from the docs of custom endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import orjson

from monynha.engine.schema.catalog import Catalog
from monynha.protocols.openapi import responses
from monynha.protocols.openapi.components import resource_schemas, with_data_wrapper
from monynha.protocols.openapi.field_schemas import Schema
from monynha.protocols.openapi.operations import OperationBuilder
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.resource_routes import API_PREFIX, ResourceRoute, resource_routes

_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_SCHEMA_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
_DESCRIPTION = """\
Bodies are `{"data": {…}}` or the bare object.
Responses are `{"success": true, "data": …}`, errors `{"success": false, "error": {"code", "message", …}}`.
Send the access token as `Authorization: Bearer …`; row-level security in the database decides
what it may read and change.
"""


def build_document(
    catalog: Catalog,
    endpoint_docs: Iterable[EndpointDoc],
    actions: Iterable[CustomEndpointDoc],
    *,
    version: str,
) -> Schema:
    """Return the document.

    `endpoint_docs` replace or add to what is derived for their routes; `actions` are routes that are not derived.
    """
    docs_by_endpoint = {(doc.method, doc.path): doc for doc in endpoint_docs}
    routes_by_endpoint = {(route.method, route.path): route for route in resource_routes(catalog)}
    for endpoint, doc in docs_by_endpoint.items():
        routes_by_endpoint[endpoint] = ResourceRoute(doc.method, doc.path, doc.operation, doc.resource)
    operations = OperationBuilder(catalog, tuple(routes_by_endpoint.values()), docs_by_endpoint)
    paths: dict[str, dict[str, Schema]] = {}
    for (method, path), route in sorted(routes_by_endpoint.items(), key=lambda item: item[0][1]):
        paths.setdefault(API_PREFIX + path, {})[method.lower()] = operations.build(route)
    actions = tuple(actions)
    for action in actions:
        paths.setdefault(API_PREFIX + action.path, {})[action.method.lower()] = operations.build_action(action)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Monynha", "version": version, "description": _DESCRIPTION, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": resource.plural, "description": resource.doc} for resource in catalog.resources.values()],
        "paths": dict(sorted(paths.items())),
        "components": _components(catalog, operations, actions, paths),
    }


def _components(
    catalog: Catalog,
    operations: OperationBuilder,
    actions: tuple[CustomEndpointDoc, ...],
    paths: Mapping[str, object],
) -> Schema:
    schemas = resource_schemas(catalog) | operations.body_schemas() | responses.shared_schemas()
    schemas |= {action.form_name: dict(action.form_schema) for action in actions if action.form_name}
    for action in actions:
        if action.body_name:
            schemas |= with_data_wrapper(action.body_name, dict(action.body_schema))
    for resource in catalog.resources.values():
        schemas |= responses.envelope_schemas(resource)
    for doc in operations.endpoint_docs.values():
        if doc.response_schemas:
            row = schemas[doc.resource.type_name]
            schemas |= responses.extended_row_schemas(doc.resource, row, doc.response_schemas)
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token from `/auth/v1/token`.",
    }
    return {
        "schemas": _used_schemas(schemas, paths),
        "responses": responses.error_responses(),
        "headers": responses.shared_headers(),
        "securitySchemes": {"bearer": bearer},
    }


def _used_schemas(schemas: Mapping[str, Schema], paths: Mapping[str, object]) -> dict[str, Schema]:
    """Return the schemas that the document uses, sorted: an action may replace the route for which one was derived."""
    used: set[str] = set()
    unvisited = {*_referenced_schemas(paths), *_referenced_schemas(responses.error_responses())}
    while unvisited:
        used |= unvisited
        unvisited = {name for used_name in unvisited for name in _referenced_schemas(schemas[used_name])} - used
    return {name: schema for name, schema in sorted(schemas.items()) if name in used}


def _referenced_schemas(part: object) -> list[str]:
    return _SCHEMA_REFERENCE.findall(orjson.dumps(part).decode())

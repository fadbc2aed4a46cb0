"""The path, query and header parameters of operations."""

from __future__ import annotations

from collections.abc import Iterator

from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Field, Filter, Resource, column_of
from monynha.protocols.openapi import patterns
from monynha.protocols.openapi.components import part_name
from monynha.protocols.openapi.field_schemas import Schema, id_schema, ref, timestamp_schema
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, JsonSchema
from monynha.protocols.rest.query_params import DEFAULT_LIMIT, MAX_LIMIT
from monynha.protocols.rest.resource_routes import ResourceRoute, id_parameter

_ETAG_SCHEMA: Schema = {"type": "string", "minLength": 1}
_ME_SCHEMA = {"type": "string", "const": "me", "description": "The caller."}


def path_parameters(route: ResourceRoute) -> Iterator[Schema]:
    """Yield the path parameters; where one is the id of a user, `me` is the caller."""
    for name in (part[1:-1] for part in route.path.split("/") if part.startswith("{")):
        named_resource = _path_resource(route, name)
        schema: Schema = {"anyOf": [id_schema(), _ME_SCHEMA]} if named_resource.is_actor else id_schema()
        if route.operation == "delete":
            # `me` works here too, but a client that is generated to try every value would delete its own account.
            schema = id_schema()
        description = f"The id of the {named_resource.singular}."
        yield {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _path_resource(route: ResourceRoute, name: str) -> Resource:
    """Return the resource that the path parameter of this name identifies."""
    resource, parent = route.resource, route.resource.parent
    if route.parent_relation is not None:
        return route.parent_relation.source
    if parent is not None and (route.operation == "create" or resource.is_nested):
        if name != id_parameter(resource) or route.operation == "create":
            return parent.target
        return next(
            relation.target
            for relation in resource.foreign_relations.values()
            if column_of(relation.column) is resource.id_column
        )
    return resource


def query_parameters(catalog: Catalog, route: ResourceRoute) -> Iterator[Schema]:
    """Yield the query parameters."""
    resource = route.resource
    if route.operation == "delete":
        for name, description in resource.delete_options.items():
            yield _query_parameter(name, description, {"type": "boolean", "default": False})
        return
    if route.operation == "list":
        yield from _list_parameters(resource)
    include_values = include_paths(catalog, resource)
    if include_values:
        description = f"Relations to embed, such as `{include_values[0]}`; dots lead further, up to the cost limit."
        yield _query_parameter("include", f"{description} Comma-separated.", _comma_list_schema(include_values))
    description = "Fields to return; those of an included relation follow its name and a dot."
    answer_name = f"{part_name(resource)}{'Page' if route.operation == 'list' else 'Answer'}"
    yield {
        **_query_parameter(
            "fields",
            f"{description} Comma-separated. The response is then a `{answer_name}`.",
            _comma_list_schema(list(resource.fields)),
        ),
        # OpenAPI cannot say that a response depends on a parameter.
        "x-response-schema": ref(answer_name),
    }


def _list_parameters(resource: Resource) -> Iterator[Schema]:
    limit_schema: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    yield _query_parameter("limit", "Maximum number of rows.", limit_schema)
    yield _query_parameter("cursor", "The `nextCursor` of the previous page.", {"type": "string", "minLength": 1})
    sorts = [sign + name for name in resource.sorts for sign in ("", "-")]
    sort_schema: Schema = {"type": "string", "enum": sorts, "default": f"-{resource.default_sort}"}
    yield _query_parameter(
        "sort", "Field to sort by, with a leading - for descending order; nulls come last.", sort_schema
    )
    yield _query_parameter(
        "count",
        "`exact` returns the number of rows on all pages as `meta.total`.",
        {"type": "string", "enum": ["exact"]},
    )
    for filter in resource.filters:
        yield _filter_parameter(resource, filter)


def _filter_parameter(resource: Resource, filter: Filter) -> Schema:
    field = resource.fields[filter.fields[0]]
    match filter.operator:
        case "search":
            field_names = " or ".join(filter.fields)
            description = f"Words that must all occur in {field_names}; at most 20."
            schema: Schema = {"type": "string", "maxLength": 500, "pattern": patterns.SEARCH_WORDS}
        case "lt":
            description, schema = f"Only rows whose {field.name} is before this time.", timestamp_schema()
        case "gte":
            description, schema = f"Only rows whose {field.name} is at or after this time.", timestamp_schema()
        case "is_null":
            description = f"Only rows whose {field.name} is null (true) or not null (false)."
            schema = {"type": "boolean"}
        case "overlaps":
            description = f"Only rows whose {field.name} contain any of these values. Comma-separated."
            schema = {"type": "string", "pattern": patterns.comma_list(patterns.LIST_ITEM)}
        case "in":
            description = f"Only rows whose {field.name} is one of these values. Comma-separated."
            schema = _value_list_schema(field)
    return _query_parameter(filter.name, description, schema)


def _value_list_schema(field: Field) -> Schema:
    """Return the schema of a comma-separated list of values of a field."""
    if field.rules.type is ColumnType.TEXT:
        return {"type": "string", "pattern": patterns.comma_list(patterns.LIST_ITEM)}
    if field.rules.type is ColumnType.ENUM:
        return _comma_list_schema(list(field.rules.choices))
    return {"type": "string", "pattern": patterns.comma_list(f"({patterns.UUID}|me)")}


def action_parameters(action: CustomEndpointDoc) -> Iterator[Schema]:
    """Yield the parameters of a custom endpoint: those of its path, query parameters, headers."""
    path_schemas = dict(action.path_schemas)
    if "{id}" in action.path and "id" not in path_schemas:
        path_schemas["id"] = {**id_schema(), "description": f"The id of the {action.resource.singular}."}
    locations = (("path", path_schemas), ("query", action.query_schemas), ("header", action.header_schemas))
    for location, schemas in locations:
        for name, schema in schemas.items():
            yield documented_parameter(location, name, schema)


def documented_parameter(location: str, name: str, schema: JsonSchema) -> Schema:
    """Return a parameter whose schema has its description."""
    return {
        "name": name,
        "in": location,
        **({"required": True} if location == "path" else {}),
        "description": schema["description"],
        "schema": {key: value for key, value in schema.items() if key != "description"},
    }


def include_paths(catalog: Catalog, resource: Resource) -> list[str]:
    """Return the documented values of `include`: paths of one or two relations, at most one of them to-many.

    Longer paths are accepted too, up to the cost limit.
    """
    paths: list[str] = []
    for relation in catalog.relations_of(resource).values():
        paths.append(relation.name)
        next_relations = catalog.relations_of(relation.target).values()
        paths += [
            f"{relation.name}.{next_relation.name}"
            for next_relation in next_relations
            if not (relation.is_many and next_relation.is_many)
        ]
    return paths


def header_parameters(route: ResourceRoute) -> Iterator[Schema]:
    """Yield the header parameters."""
    if route.operation == "read":
        yield _header_parameter(
            "If-None-Match", "The ETag of the last response: 304 if the row has not changed.", {"type": "string"}
        )
    if route.operation in ("update", "delete"):
        description = "The ETag of the last response, or *: 412 if the row has changed since."
        yield _header_parameter("If-Match", description, dict(_ETAG_SCHEMA))
    if route.operation == "create":
        description = "A unique key of this request: repeating it within 24 hours returns the first response."
        yield _header_parameter("Idempotency-Key", description, {"type": "string", "pattern": patterns.IDEMPOTENCY_KEY})


def _comma_list_schema(values: list[str]) -> Schema:
    """Return the schema of a comma-separated list; single values are an enum, for typed clients.

    It is a string, not an array: clients encode arrays differently, and repeated parameters are rejected.
    """
    list_pattern = patterns.comma_list(f"({'|'.join(value.replace('.', '[.]') for value in values)})")
    return {"anyOf": [{"type": "string", "enum": values}, {"type": "string", "pattern": list_pattern}]}


def _query_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}

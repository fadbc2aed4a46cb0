"""What an address takes beside its body: parts of the path, query parameters, headers."""

from __future__ import annotations

from collections.abc import Iterator

from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.columns import ColumnType
from monynha.engine.schema.resource import Filter, Resource, column_of
from monynha.protocols.openapi import patterns
from monynha.protocols.openapi.field_schemas import Schema, id_schema, timestamp_schema
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.query_params import DEFAULT_LIMIT, MAX_LIMIT
from monynha.protocols.rest.resource_routes import ResourceRoute, id_parameter

_ME_SCHEMA = {"type": "string", "const": "me", "description": "The caller."}


def path_parameters(route: ResourceRoute) -> Iterator[Schema]:
    """Yield the parts of the path; where they name a person, `me` is the caller."""
    for name in (part[1:-1] for part in route.path.split("/") if part.startswith("{")):
        named_resource = _path_resource(route, name)
        schema: Schema = {"anyOf": [id_schema(), _ME_SCHEMA]} if named_resource.is_actor else id_schema()
        if route.operation == "delete":
            # `me` works here too; it is not told, so that nothing that tries the document out ends itself.
            schema = id_schema()
        description = f"The id of the {named_resource.singular}."
        yield {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _path_resource(route: ResourceRoute, name: str) -> Resource:
    """Return the resource whose id stands in a path under that name."""
    resource, parent = route.resource, route.resource.parent
    if route.parent_relation is not None:
        return route.parent_relation.source
    if parent is not None and (route.operation == "create" or resource.is_nested):
        if name != id_parameter(resource) or route.operation == "create":
            return parent.target
        return next(
            link.target for link in resource.foreign_relations.values() if column_of(link.column) is resource.id_column
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
        description = f"What to embed, as `{include_values[0]}`, dotted to go on, as far as the cost allows."
        yield _query_parameter("include", f"{description} A comma list.", _comma_list_schema(include_values))
    description = "What to show; of something that is included, with its name and a dot before."
    yield _query_parameter("fields", f"{description} A comma list.", _comma_list_schema(list(resource.fields)))


def _list_parameters(resource: Resource) -> Iterator[Schema]:
    limit_schema: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    yield _query_parameter("limit", "How many at most.", limit_schema)
    yield _query_parameter(
        "cursor", "Where to go on: the `nextCursor` of the page before.", {"type": "string", "minLength": 1}
    )
    sorts = [sign + name for name in resource.sorts for sign in ("", "-")]
    sort_schema = {"type": "string", "enum": sorts, "default": f"-{resource.default_sort}"}
    yield _query_parameter("sort", "What to sort by, with - before it for descending; nulls come last.", sort_schema)
    yield _query_parameter("count", "Whether to count all that there are.", {"type": "string", "enum": ["exact"]})
    for filter in resource.filters:
        yield _filter_parameter(resource, filter)


def _filter_parameter(resource: Resource, filter: Filter) -> Schema:
    field = resource.fields[filter.fields[0]]
    if filter.operator == "search":
        field_names = " or ".join(filter.fields)
        schema = {"type": "string", "maxLength": 500, "pattern": patterns.SEARCH_WORDS}
        return _query_parameter(filter.name, f"Words that all stand in {field_names}; at most 20.", schema)
    if filter.operator == "lt":
        return _query_parameter(filter.name, f"Only where {field.name} is before this moment.", timestamp_schema())
    if filter.operator == "gte":
        return _query_parameter(filter.name, f"Only where {field.name} is this moment or after it.", timestamp_schema())
    if filter.operator == "is_null":
        return _query_parameter(filter.name, f"Only where {field.name} is null, or is not.", {"type": "boolean"})
    description = f"Only where {field.name} is one of these. A comma list."
    if filter.operator == "overlaps" or field.rules.type is ColumnType.TEXT:
        verb = "hold" if filter.operator == "overlaps" else "is"
        description = f"Only where {field.name} {verb} one of these. A comma list."
        return _query_parameter(
            filter.name, description, {"type": "string", "pattern": patterns.comma_list(patterns.LIST_ITEM)}
        )
    if field.rules.type is ColumnType.ENUM:
        return _query_parameter(filter.name, description, _comma_list_schema(list(field.rules.choices)))
    return _query_parameter(
        filter.name, description, {"type": "string", "pattern": patterns.comma_list(f"({patterns.UUID}|me)")}
    )


def action_parameters(action: CustomEndpointDoc) -> Iterator[Schema]:
    """Yield all that an action takes: the id in its path, its query parameters and headers."""
    if "{id}" in action.path:
        description = f"The id of the {action.resource.singular}."
        yield {
            "name": "id",
            "in": "path",
            "required": True,
            "description": description,
            "schema": id_schema(),
        }
    for location, schemas in (("query", action.query_schemas), ("header", action.header_schemas)):
        for name, schema in schemas.items():
            schema_without_description = {key: value for key, value in schema.items() if key != "description"}
            yield {
                "name": name,
                "in": location,
                "description": schema["description"],
                "schema": schema_without_description,
            }


def include_paths(catalog: Catalog, resource: Resource) -> list[str]:
    """Return the ways that lead on from a resource, one or two steps far and to many at most once.

    Longer ones are taken too, as far as the cost limit allows.
    """
    paths: list[str] = []
    for relation in catalog.relations_of(resource).values():
        paths.append(relation.name)
        next_relations = catalog.relations_of(relation.target).values()
        paths += [
            f"{relation.name}.{next_one.name}"
            for next_one in next_relations
            if not (relation.is_many and next_one.is_many)
        ]
    return paths


def header_parameters(route: ResourceRoute) -> Iterator[Schema]:
    """Yield the headers that are read."""
    if route.operation == "read":
        yield _header_parameter(
            "If-None-Match", "The ETag of what you have: 304 if it is still that.", {"type": "string"}
        )
    if route.operation in ("update", "delete"):
        description = "The ETag of what you have seen, or *: 412 if the row has changed since."
        yield _header_parameter("If-Match", description, {"type": "string"})
    if route.operation == "create":
        description = "A name for this create, so that sending it again within 24 hours creates nothing twice."
        yield _header_parameter("Idempotency-Key", description, {"type": "string", "pattern": patterns.IDEMPOTENCY_KEY})


def _comma_list_schema(values: list[str]) -> Schema:
    """Return the schema of a comma list: a word alone is told by name, so that typed clients know them.

    It is a text and no array: clients differ in how they send arrays, and a repeated parameter is refused.
    """
    list_pattern = patterns.comma_list(f"({'|'.join(word.replace('.', '[.]') for word in values)})")
    return {"anyOf": [{"type": "string", "enum": values}, {"type": "string", "pattern": list_pattern}]}


def _query_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}

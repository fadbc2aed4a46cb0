"""The schemas of resources: the whole row, the part that `fields` leaves, what creates and updates take."""

from __future__ import annotations

from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Field, Relation, Resource
from monynha.protocols.openapi import patterns
from monynha.protocols.openapi.field_schemas import (
    JSON_VALUE,
    Schema,
    email_schema,
    input_schema,
    output_schema,
    ref,
)


def schema_name(resource: Resource) -> str:
    """Return the name of a resource's schema."""
    return resource.type_name


def row_reference(resource: Resource) -> Schema:
    """Return a reference to a row as it is answered, whole or in part."""
    return ref(f"{schema_name(resource)}Shown")


def body_schema(*names: str) -> Schema:
    """Return what a request carries: one of those objects, or one wrapped as `{"data": …}`."""
    return {"anyOf": [ref(form) for name in names for form in (name, f"{name}Wrapped")]}


def resource_schemas(catalog: Catalog) -> dict[str, Schema]:
    """Return the schemas of all resources by name."""
    schemas: dict[str, Schema] = {JSON_VALUE: _json_value_schema()}
    for resource in catalog.resources.values():
        schemas |= _row_schemas(catalog, resource)
        if "create" in resource.operations:
            schemas |= _create_schemas(resource)
        if "update" in resource.operations:
            description = f"What changes of a {resource.singular}; what is left out stays."
            update_schema = object_schema(update_properties(resource), [], description)
            schemas |= with_data_wrapper(f"{schema_name(resource)}Update", update_schema)
    return schemas


def with_data_wrapper(name: str, schema: Schema) -> dict[str, Schema]:
    """Return a body's schema and that of its wrapper."""
    wrapper = {"type": "object", "required": ["data"], "properties": {"data": ref(name)}}
    return {name: schema, f"{name}Wrapped": {**wrapper, "additionalProperties": False}}


def object_schema(properties: dict[str, Schema], required: list[str], description: str) -> Schema:
    """Return the schema of a body that takes these properties and no others."""
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def create_schema_names(resource: Resource) -> list[str]:
    """Return the names of the bodies that a create takes, one of them at a time."""
    lookup_fields = [one.rules.lookup[0] for one in resource.fields.values() if one.rules.lookup is not None]
    name = f"{schema_name(resource)}Create"
    return [name, *(f"{name}By{other[:1].upper()}{other[1:]}" for other in lookup_fields)]


def update_properties(resource: Resource) -> dict[str, Schema]:
    """Return what an update may change, by name."""
    return {field.name: input_schema(field) for field in resource.fields.values() if field.rules.is_updatable}


def _row_schemas(catalog: Catalog, resource: Resource) -> dict[str, Schema]:
    name = schema_name(resource)
    field_schemas = {field.name: output_schema(field) for field in resource.fields.values()}
    relation_schemas = {way.name: _relation_schema(way) for way in catalog.relations_of(resource).values()}
    whole = {
        "type": "object",
        "description": resource.doc,
        "required": list(field_schemas),
        "properties": {**field_schemas, **relation_schemas},
    }
    part = {
        "type": "object",
        "description": f"{resource.doc} Only what `fields` names.",
        "properties": {**field_schemas, **relation_schemas},
    }
    return {name: whole, f"{name}Part": part, f"{name}Shown": {"anyOf": [ref(name), ref(f"{name}Part")]}}


def _relation_schema(relation: Relation) -> Schema:
    target = row_reference(relation.target)
    description = f"Shown where `include` names `{relation.name}`."
    if relation.is_many:
        return {"type": "array", "description": f"{description} The newest 100.", "items": target}
    if relation.source_column.nullable:
        return {"description": description, "anyOf": [*row_variants(relation.target), {"type": "null"}]}
    return {"description": description, "anyOf": row_variants(relation.target)}


def row_variants(resource: Resource) -> list[Schema]:
    """Return the two forms in which a row is answered."""
    return [ref(schema_name(resource)), ref(f"{schema_name(resource)}Part")]


def _create_schemas(resource: Resource) -> dict[str, Schema]:
    fields = [field for field in resource.fields.values() if field.rules.is_creatable]
    lookup_field = next((field for field in fields if field.rules.lookup is not None), None)
    schemas: dict[str, Schema] = {}
    for name in create_schema_names(resource):
        properties = {field.name: _create_property(resource, field) for field in fields}
        required = [field.name for field in fields if not field.rules.has_default]
        if (
            lookup_field is not None
            and lookup_field.rules.lookup is not None
            and name != create_schema_names(resource)[0]
        ):
            lookup_name = lookup_field.rules.lookup[0]
            properties = {
                lookup_name: email_schema(),
                **{key: one for key, one in properties.items() if key != lookup_field.name},
            }
            required = [lookup_name if key == lookup_field.name else key for key in required]
        schemas |= with_data_wrapper(name, object_schema(properties, required, f"A new {resource.singular}."))
    return schemas


def _create_property(resource: Resource, field: Field) -> Schema:
    schema = input_schema(field)
    excluded_choices = resource.forbidden_on_create.get(field.name, ())
    if excluded_choices:
        schema["enum"] = [choice for choice in schema["enum"] if choice not in excluded_choices]
    return schema


def _json_value_schema() -> Schema:
    """Return the schema of any JSON value that is kept.

    Each keyword speaks to values of its own type alone, so that generators of clients take it for any value,
    where a union that holds itself is beyond some. Integers beyond 64 bits are refused; a text holds no NUL.
    """
    return {
        "description": "Any JSON value.",
        "pattern": patterns.ANY_TEXT,
        "minimum": -(2**63),
        "maximum": 2**64 - 1,
        "items": ref(JSON_VALUE),
        "propertyNames": {"pattern": patterns.ANY_TEXT},
        "additionalProperties": ref(JSON_VALUE),
    }

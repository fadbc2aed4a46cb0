"""The schemas of resources: rows, rows with selected fields, and the bodies of creates and updates."""

from __future__ import annotations

from collections.abc import Mapping

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


def body_component(*names: str) -> str:
    """Return the name of the schema of a request body that is one of these objects."""
    return f"{names[0]}Body"


def body_schemas(*names: str) -> dict[str, Schema]:
    """Return the named schema of a request body: one of these objects, bare or wrapped as `{"data": …}`.

    It is a component, because generators give an inline union no name, or none that stays.
    """
    variants = [ref(variant) for name in names for variant in (name, f"{name}Wrapped")]
    return {body_component(*names): {"anyOf": variants}}


def resource_schemas(catalog: Catalog) -> dict[str, Schema]:
    """Return the schemas of all resources, by name."""
    schemas: dict[str, Schema] = {JSON_VALUE: _json_value_schema()}
    for resource in catalog.resources.values():
        schemas |= _row_schemas(catalog, resource)
        if "create" in resource.operations:
            schemas |= _create_schemas(resource)
        if "update" in resource.operations:
            description = f"Changes of a {resource.singular}; omitted fields keep their values."
            update_schema = object_schema(update_properties(resource), [], description)
            schemas |= with_data_wrapper(f"{resource.type_name}Update", update_schema)
    return schemas


def with_data_wrapper(name: str, schema: Schema) -> dict[str, Schema]:
    """Return the schema of a body and that of its `{"data": …}` wrapper."""
    wrapper = {"type": "object", "required": ["data"], "properties": {"data": ref(name)}}
    return {name: schema, f"{name}Wrapped": {**wrapper, "additionalProperties": False}}


def object_schema(properties: Mapping[str, Schema], required: list[str], description: str) -> Schema:
    """Return the schema of an object with these properties and no others."""
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def create_schema_names(resource: Resource) -> list[str]:
    """Return the names of the body schemas of a create: a foreign row may be named by id or by a lookup field."""
    lookup_fields = [field.rules.lookup[0] for field in resource.fields.values() if field.rules.lookup is not None]
    name = f"{resource.type_name}Create"
    return [name, *(f"{name}By{field[:1].upper()}{field[1:]}" for field in lookup_fields)]


def update_properties(resource: Resource) -> dict[str, Schema]:
    """Return the schemas of the fields that an update may change, by name."""
    return {field.name: input_schema(field) for field in resource.fields.values() if field.rules.is_updatable}


def part_name(resource: Resource) -> str:
    """Return the name of the schema of a row of which `fields` selects some fields."""
    return f"{resource.type_name}Part"


def _row_schemas(catalog: Catalog, resource: Resource) -> dict[str, Schema]:
    """Return the schemas of a row with all fields, and with those that `fields` selects.

    They are never a union: every field of a union of both is optional to a typed client.
    """
    field_schemas = {field.name: output_schema(field) for field in resource.fields.values()}
    relations = catalog.relations_of(resource).values()
    row: Schema = {
        "type": "object",
        "description": resource.doc,
        "required": list(field_schemas),
        "properties": {
            **field_schemas,
            **{relation.name: _relation_schema(relation, relation.target.type_name) for relation in relations},
        },
    }
    partial_row: Schema = {
        "type": "object",
        "description": f"{resource.doc} Only the fields that `fields` selects.",
        "properties": {
            **field_schemas,
            **{relation.name: _relation_schema(relation, part_name(relation.target)) for relation in relations},
        },
    }
    return {resource.type_name: row, part_name(resource): partial_row}


def _relation_schema(relation: Relation, target_name: str) -> Schema:
    description = f"With `include={relation.name}`."
    if relation.is_many:
        return {"type": "array", "description": f"{description} At most the newest 100.", "items": ref(target_name)}
    if relation.source_column.nullable:
        return {"description": description, "anyOf": [ref(target_name), {"type": "null"}]}
    return {"description": description, "allOf": [ref(target_name)]}


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
                **{key: value for key, value in properties.items() if key != lookup_field.name},
            }
            required = [lookup_name if key == lookup_field.name else key for key in required]
        schemas |= with_data_wrapper(name, object_schema(properties, required, f"A new {resource.singular}."))
    return schemas


def _create_property(resource: Resource, field: Field) -> Schema:
    schema = input_schema(field)
    excluded_choices = resource.forbidden_on_create.get(field.name, ())
    if excluded_choices:
        schema["enum"] = [choice for choice in field.rules.choices if choice not in excluded_choices]
    return schema


def _json_value_schema() -> Schema:
    """Return the schema of any JSON value in a free-form object.

    Each keyword constrains values of its own type only: client generators understand that as "any value", while
    some fail on a recursive union. Integers beyond 64 bits and NUL characters are rejected.
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

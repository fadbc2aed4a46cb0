"""The JSON Schema of one field, in responses and in request bodies."""

from __future__ import annotations

from collections.abc import Callable

from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Field
from monynha.protocols.openapi import patterns

Schema = dict[str, object]
"""A JSON Schema (2020-12) or another object of an OpenAPI 3.1 document."""

JSON_VALUE = "JsonValue"
"""Name of the component for any value in a free-form object."""


def ref(name: str) -> Schema:
    """Return a reference to the schema of a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def timestamp_schema() -> Schema:
    """Return the schema of a timestamp (RFC 3339)."""
    return {"type": "string", "format": "date-time"}


def id_schema() -> Schema:
    """Return the schema of an id."""
    return {"type": "string", "format": "uuid"}


def output_schema(field: Field) -> Schema:
    """Return the schema of a field in responses."""
    column_type, rules = field.rules.type, field.rules
    schema: Schema = {"type": "string"}
    if column_type is ColumnType.UUID:
        schema = id_schema()
    elif column_type is ColumnType.TIMESTAMP:
        schema = timestamp_schema()
    elif column_type is ColumnType.BOOLEAN:
        schema = {"type": "boolean"}
    elif column_type is ColumnType.INTEGER:
        schema = {"type": "integer"}
    elif column_type is ColumnType.ENUM:
        schema = {"type": "string", "enum": list(rules.choices)}
    elif column_type is ColumnType.TEXT_LIST:
        schema = {"type": "array", "items": {"type": "string"}}
    elif column_type is ColumnType.JSON_OBJECT:
        schema = {"type": "object", "additionalProperties": ref(JSON_VALUE)}
    return _with_field_docs(schema, field)


def input_schema(field: Field) -> Schema:
    """Return the schema of a field in request bodies."""
    return _with_field_docs(_INPUT_SCHEMAS[field.rules.type](field.rules), field)


def email_schema() -> Schema:
    """Return the schema of an email address, at most 254 characters (RFC 5321)."""
    return {"type": "string", "format": "email", "minLength": 3, "maxLength": 254}


def _with_field_docs(schema: Schema, field: Field) -> Schema:
    if field.is_nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*field.rules.choices, None]
    if field.doc:
        schema["description"] = field.doc
    return schema


def _text_schema(rules: ColumnRules) -> Schema:
    if rules.is_trimmed:
        limits = {"minLength": max(rules.min_length, 1), "maxLength": rules.max_length}
        return {"type": "string", **limits, "pattern": patterns.NON_BLANK_TEXT}
    # The limit is in bytes of UTF-8, which JSON Schema cannot express: `maxLength` is exact for ASCII.
    return {
        "type": "string",
        "maxLength": rules.max_bytes,
        "pattern": patterns.ANY_TEXT,
        "x-maxBytes": rules.max_bytes,
    }


def _text_list_schema(rules: ColumnRules) -> Schema:
    item_schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": rules.max_item_length,
        "pattern": patterns.NON_BLANK_TEXT,
    }
    return {"type": "array", "maxItems": rules.max_items, "items": item_schema}


def _object_schema(rules: ColumnRules) -> Schema:
    property_names = {"pattern": patterns.ANY_TEXT}
    return {
        "type": "object",
        "propertyNames": property_names,
        "additionalProperties": ref(JSON_VALUE),
        "x-maxBytes": rules.max_bytes,
    }


_INPUT_SCHEMAS: dict[ColumnType, Callable[[ColumnRules], Schema]] = {
    ColumnType.UUID: lambda rules: id_schema(),
    ColumnType.TEXT: _text_schema,
    ColumnType.ENUM: lambda rules: {"type": "string", "enum": list(rules.choices)},
    ColumnType.BOOLEAN: lambda rules: {"type": "boolean"},
    ColumnType.TIMESTAMP: lambda rules: timestamp_schema(),
    ColumnType.TEXT_LIST: _text_list_schema,
    ColumnType.JSON_OBJECT: _object_schema,
    ColumnType.BOOLEAN: lambda rules: {"type": "boolean"},
    ColumnType.URL: lambda rules: {
        "type": "string",
        "maxLength": rules.max_length,
        "pattern": f"{patterns.HTTP_URL}|^{rules.own_path}$" if rules.own_path else patterns.HTTP_URL,
    },
    ColumnType.EMAIL: lambda rules: email_schema(),
}

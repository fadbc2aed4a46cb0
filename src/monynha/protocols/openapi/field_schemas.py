"""A field as JSON Schema: what is answered of it, and what may be sent for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Field
from monynha.protocols.openapi import patterns

Schema = dict[str, Any]
"""A JSON Schema (2020-12), as OpenAPI 3.1 takes it."""

JSON_VALUE = "JsonValue"
"""The component that any value of a free object is."""


def ref(name: str) -> Schema:
    """Return a reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def timestamp_schema() -> Schema:
    """Return the schema of a time."""
    return {"type": "string", "format": "date-time"}


def id_schema() -> Schema:
    """Return the schema of an id."""
    return {"type": "string", "format": "uuid"}


def output_schema(field: Field) -> Schema:
    """Return what a field looks like in an answer."""
    kind, rules = field.rules.type, field.rules
    schema: Schema = {"type": "string"}
    if kind is ColumnType.UUID:
        schema = id_schema()
    elif kind is ColumnType.TIMESTAMP:
        schema = timestamp_schema()
    elif kind is ColumnType.BOOLEAN:
        schema = {"type": "boolean"}
    elif kind is ColumnType.INTEGER:
        schema = {"type": "integer"}
    elif kind is ColumnType.ENUM:
        schema = {"type": "string", "enum": list(rules.choices)}
    elif kind is ColumnType.TEXT_LIST:
        schema = {"type": "array", "items": {"type": "string"}}
    elif kind is ColumnType.JSON_OBJECT:
        schema = {"type": "object", "additionalProperties": ref(JSON_VALUE)}
    return _with_field_docs(schema, field)


def input_schema(field: Field) -> Schema:
    """Return what may be sent for a field."""
    return _with_field_docs(_INPUT_SCHEMAS[field.rules.type](field.rules), field)


def email_schema() -> Schema:
    """Return the schema of a mail address that is sent; a longer one is beyond RFC 5321."""
    return {"type": "string", "format": "email", "minLength": 3, "maxLength": 254}


def _with_field_docs(schema: Schema, field: Field) -> Schema:
    if field.is_nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if field.doc:
        schema["description"] = field.doc
    return schema


def _text_schema(rules: ColumnRules) -> Schema:
    if rules.is_trimmed:
        limits = {"minLength": max(rules.min_length, 1), "maxLength": rules.max_length}
        return {"type": "string", **limits, "pattern": patterns.NON_BLANK_TEXT}
    # Counted in bytes of UTF-8, which JSON Schema cannot say: the limit holds for plain ASCII.
    return {
        "type": "string",
        "maxLength": rules.max_bytes,
        "pattern": patterns.ANY_TEXT,
        "x-maxBytes": rules.max_bytes,
    }


def _words_schema(rules: ColumnRules) -> Schema:
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
    ColumnType.TIMESTAMP: lambda rules: timestamp_schema(),
    ColumnType.TEXT_LIST: _words_schema,
    ColumnType.JSON_OBJECT: _object_schema,
    ColumnType.URL: lambda rules: {
        "type": "string",
        "maxLength": rules.max_length,
        "pattern": patterns.HTTP_URL,
    },
    ColumnType.EMAIL: lambda rules: email_schema(),
}

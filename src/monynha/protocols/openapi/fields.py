"""A field as JSON Schema: what is answered of it, and what may be sent for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monynha.engine.model import Kind, Rules
from monynha.engine.resource import Field
from monynha.protocols.openapi import forms

Schema = dict[str, Any]
"""A JSON Schema (2020-12), as OpenAPI 3.1 takes it."""

VALUE = "JsonValue"
"""The component that any value of a free object is."""


def ref(name: str) -> Schema:
    """Return a reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def instant() -> Schema:
    """Return the schema of a time."""
    return {"type": "string", "format": "date-time"}


def identifier() -> Schema:
    """Return the schema of an id."""
    return {"type": "string", "format": "uuid"}


def answered(one: Field) -> Schema:
    """Return what a field looks like in an answer."""
    kind, rules = one.rules.kind, one.rules
    schema: Schema = {"type": "string"}
    if kind is Kind.ID:
        schema = identifier()
    elif kind is Kind.INSTANT:
        schema = instant()
    elif kind is Kind.FLAG:
        schema = {"type": "boolean"}
    elif kind is Kind.NUMBER:
        schema = {"type": "integer"}
    elif kind is Kind.CHOICE:
        schema = {"type": "string", "enum": list(rules.choices)}
    elif kind is Kind.WORDS:
        schema = {"type": "array", "items": {"type": "string"}}
    elif kind is Kind.OBJECT:
        schema = {"type": "object", "additionalProperties": ref(VALUE)}
    return _told(schema, one)


def sent(one: Field) -> Schema:
    """Return what may be sent for a field."""
    return _told(_SENT[one.rules.kind](one.rules), one)


def mail_address() -> Schema:
    """Return the schema of a mail address that is sent; a longer one is beyond RFC 5321."""
    return {"type": "string", "format": "email", "minLength": 3, "maxLength": 254}


def _told(schema: Schema, one: Field) -> Schema:
    if one.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if one.doc:
        schema["description"] = one.doc
    return schema


def _text(rules: Rules) -> Schema:
    if rules.trimmed:
        limits = {"minLength": max(rules.least, 1), "maxLength": rules.most}
        return {"type": "string", **limits, "pattern": forms.TRIMMED}
    # Counted in bytes of UTF-8, which JSON Schema cannot say: the limit holds for plain ASCII.
    return {"type": "string", "maxLength": rules.most, "pattern": forms.ANY, "x-maxBytes": rules.most}


def _words(rules: Rules) -> Schema:
    item = {"type": "string", "minLength": 1, "maxLength": rules.least, "pattern": forms.TRIMMED}
    return {"type": "array", "maxItems": rules.most, "items": item}


def _object(rules: Rules) -> Schema:
    names = {"pattern": forms.ANY}
    return {
        "type": "object",
        "propertyNames": names,
        "additionalProperties": ref(VALUE),
        "x-maxBytes": rules.most,
    }


_SENT: dict[Kind, Callable[[Rules], Schema]] = {
    Kind.ID: lambda rules: identifier(),
    Kind.TEXT: _text,
    Kind.CHOICE: lambda rules: {"type": "string", "enum": list(rules.choices)},
    Kind.INSTANT: lambda rules: instant(),
    Kind.WORDS: _words,
    Kind.OBJECT: _object,
    Kind.URL: lambda rules: {"type": "string", "maxLength": rules.most, "pattern": forms.WEB},
    Kind.ADDRESS: lambda rules: mail_address(),
}

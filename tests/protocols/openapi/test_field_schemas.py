"""The JSON Schemas of single fields."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.protocols.openapi import patterns
from monynha.protocols.openapi.field_schemas import email_schema, input_schema, output_schema


def schemas(resource: str, field: str) -> tuple[Any, Any]:
    """Return the schemas of a field in responses and in bodies, without descriptions."""
    declared = CATALOG.resources[resource].fields[field]
    output, input = output_schema(declared), input_schema(declared)
    return (
        {key: value for key, value in output.items() if key != "description"},
        {key: value for key, value in input.items() if key != "description"},
    )


@pytest.mark.parametrize(
    ("resource", "field", "in_response", "in_body"),
    [
        (
            "tasks",
            "title",
            {"type": "string"},
            {"type": "string", "minLength": 1, "maxLength": 500, "pattern": patterns.NON_BLANK_TEXT},
        ),
        (
            "tasks",
            "description",
            {"type": ["string", "null"]},
            {
                "type": ["string", "null"],
                "maxLength": 100_000,
                "pattern": patterns.ANY_TEXT,
                "x-maxBytes": 100_000,
            },
        ),
        (
            "tasks",
            "assigneeId",
            {"type": ["string", "null"], "format": "uuid"},
            {"type": ["string", "null"], "format": "uuid"},
        ),
        (
            "tasks",
            "dueDate",
            {"type": ["string", "null"], "format": "date-time"},
            {"type": ["string", "null"], "format": "date-time"},
        ),
        (
            "tasks",
            "priority",
            {"type": "string", "enum": ["low", "medium", "high", "urgent"]},
            {"type": "string", "enum": ["low", "medium", "high", "urgent"]},
        ),
        (
            "tasks",
            "tags",
            {"type": "array", "items": {"type": "string"}},
            {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "string", "minLength": 1, "maxLength": 50, "pattern": patterns.NON_BLANK_TEXT},
            },
        ),
    ],
)
def test_a_field_has_the_schema_of_its_type(
    resource: str, field: str, in_response: dict[str, Any], in_body: dict[str, Any]
) -> None:
    assert schemas(resource, field) == (in_response, in_body)


def test_fields_of_the_server_have_the_schemas_of_their_types() -> None:
    assert output_schema(CATALOG.resources["tasks"].fields["createdAt"])["format"] == "date-time"
    assert output_schema(CATALOG.resources["users"].fields["emailVerified"])["type"] == ["boolean", "null"]
    assert output_schema(CATALOG.resources["activity"].fields["position"])["type"] == "integer"
    settings = output_schema(CATALOG.resources["projects"].fields["settings"])
    assert settings["additionalProperties"] == {"$ref": "#/components/schemas/JsonValue"}


def test_every_field_is_described() -> None:
    undescribed = [
        f"{resource.plural}.{field.name}"
        for resource in CATALOG.resources.values()
        for field in resource.fields.values()
        if not output_schema(field).get("description")
    ]

    assert undescribed == []


def test_email_addresses_are_as_long_as_the_standard_allows() -> None:
    assert email_schema() == {"type": "string", "format": "email", "minLength": 3, "maxLength": 254}

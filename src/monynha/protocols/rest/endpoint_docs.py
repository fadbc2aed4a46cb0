"""Declarations that document endpoints in OpenAPI whose requests and responses no resource route describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monynha.core.errors import AppError
from monynha.engine.schema.resource import Resource
from monynha.protocols.rest.resource_routes import Operation

JsonSchema = Mapping[str, object]


@dataclass(frozen=True)
class EndpointDoc:
    """Documents an operation on a resource beyond what is derived.

    `input_schemas` are the properties of the body by name, added to the resource's own fields or replacing them.
    """

    method: str
    path: str
    operation: Operation
    resource: Resource
    doc: str
    input_schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    replaces_fields: bool = False
    is_public: bool = False
    accepted: Resource | None = None
    """The resource of the row that a 202 has: what a create does instead where it cannot be done at once."""
    query_schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    """Query parameters beyond the derived ones; each schema has a description."""
    other_media_types: tuple[str, ...] = ()
    """In which the response may be too, as text."""


@dataclass(frozen=True)
class CustomEndpointDoc:
    """Documents an endpoint that is none of the five operations on a resource.

    `response_schema` describes the body of the media type; JSON is wrapped in the envelope. The schemas of path and
    query parameters and headers each have a description; a path parameter `id` without one is the resource's.
    """

    method: str
    path: str
    operation_id: str
    resource: Resource
    summary: str
    doc: str
    response_schema: JsonSchema
    media_type: str = "application/json"
    query_schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    header_schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    path_schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    status: int = 200
    """Of the response: 201 has a new row of the resource and its Location, 204 has no body."""
    other_statuses: Mapping[int, str] = field(default_factory=dict)
    """What 206, a part of the body, and 304, without one, mean here."""
    form_name: str = ""
    """The name of the schema of the form, if the body is multipart/form-data."""
    form_schema: JsonSchema = field(default_factory=dict)
    is_public: bool = False
    """Whether it needs no access token."""
    error_classes: tuple[type[AppError], ...] = ()
    """The errors that this endpoint responds with, beside those of every endpoint."""

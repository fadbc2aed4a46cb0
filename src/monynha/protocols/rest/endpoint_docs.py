"""How a handler describes itself, where no derived address says what it takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.engine.schema.resource import Resource
from monynha.protocols.rest.resource_routes import Operation


@dataclass(frozen=True)
class EndpointDoc:
    """What an address takes and answers beyond what is derived, or instead of it.

    `inputs` are JSON Schemas by the name of what the body may hold. With `is_whole` they are all that it
    holds; else they come beside the resource's own fields.
    """

    method: str
    path: str
    operation: Operation
    resource: Resource
    doc: str
    input_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    replaces_fields: bool = False
    is_public: bool = False


@dataclass(frozen=True)
class CustomEndpointDoc:
    """An address that does none of the five verbs: its name for clients, what it takes and what it answers.

    `query` and `headers` are JSON Schemas by name, each with a description. An answer is a `media_type` of
    the schema `answers`; JSON goes in the envelope.
    """

    method: str
    path: str
    operation_id: str
    resource: Resource
    summary: str
    doc: str
    response_schema: Mapping[str, Any]
    media_type: str = "application/json"
    query_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    header_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

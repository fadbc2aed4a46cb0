"""How a handler describes itself, where no derived address says what it takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.engine.resource import Resource
from monynha.protocols.rest.addresses import Verb


@dataclass(frozen=True)
class Described:
    """What an address takes and answers beyond what is derived, or instead of it.

    `inputs` are JSON Schemas by the name of what the body may hold. With `is_whole` they are all that it
    holds; else they come beside the resource's own fields.
    """

    method: str
    path: str
    verb: Verb
    resource: Resource
    doc: str
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    is_whole: bool = False
    is_public: bool = False


@dataclass(frozen=True)
class Action:
    """An address that does none of the five verbs: its name for clients, what it takes and what it answers.

    `query` and `headers` are JSON Schemas by name, each with a description. An answer is a `media_type` of
    the schema `answers`; JSON goes in the envelope.
    """

    method: str
    path: str
    name: str
    resource: Resource
    summary: str
    doc: str
    answers: Mapping[str, Any]
    media_type: str = "application/json"
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

"""The document that these tests look at, and its operations."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from monynha.app.docs.openapi import openapi_document

DOCUMENT: Any = openapi_document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS: list[tuple[str, str]] = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


def operation(path: str, method: str) -> Any:
    """Return the operation of a path below `/api/v1`."""
    return DOCUMENT["paths"][f"/api/v1{path}"][method]


def with_unknown_ids(path: str) -> str:
    """Return a path with random ids for its parameters."""
    return path.replace("{id}", str(uuid4())).replace("{userId}", str(uuid4()))

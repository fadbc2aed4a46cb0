"""What an address answers: the envelope around a row or a page, and every error in its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monynha.core import errors
from monynha.core.errors import Fault
from monynha.engine.resource import Resource
from monynha.protocols.openapi.components import noun, shown
from monynha.protocols.openapi.fields import Schema, ref

# An address that stands in the document takes its method.
_FAULTS: tuple[type[Fault], ...] = tuple(
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, Fault) and one not in (Fault, errors.MethodNotAllowed)
)
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_VERSIONED = {"ETag": {"$ref": "#/components/headers/ETag"}}


def an_item(resource: Resource, status: int, says: str, *, is_versioned: bool = True) -> Schema:
    """Return the answer that shows one row."""
    headers: dict[str, Any] = {**_REQUEST_ID}
    if is_versioned:
        headers |= _VERSIONED
    if status == 201:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    return _answer(says, ref(f"{noun(resource)}Answer"), headers)


def a_page(resource: Resource) -> Schema:
    """Return the answer that shows a page of rows."""
    return _answer("A page.", ref(f"{noun(resource)}Page"), _REQUEST_ID)


def a_result(media_type: str, schema: Schema, says: str) -> Schema:
    """Return the answer of an action: JSON in the envelope, anything else as it is."""
    told = _enveloped({"data": schema}) if media_type == "application/json" else schema
    return {"description": f"{says}.", "headers": _REQUEST_ID, "content": {media_type: {"schema": told}}}


def nothing(says: str) -> Schema:
    """Return an answer without a body."""
    return {"description": says, "headers": _REQUEST_ID}


def refusals(faults: Iterable[type[Fault]]) -> dict[str, Schema]:
    """Return references to errors, by their statuses."""
    named = {one.status: one.__name__ for one in faults}
    return {str(status): {"$ref": f"#/components/responses/{named[status]}"} for status in sorted(named)}


def envelopes(resource: Resource) -> dict[str, Schema]:
    """Return the schemas of the answers around a resource's rows."""
    page = {"type": "array", "items": shown(resource)}
    return {
        f"{noun(resource)}Answer": _enveloped({"data": shown(resource)}),
        f"{noun(resource)}Page": _enveloped({"data": page, "meta": ref("PageMeta")}),
    }


def shared() -> dict[str, Schema]:
    """Return the schemas that every answer is made with."""
    count = {"type": "integer", "minimum": 0}
    meta = {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "nextCursor": {
            "type": ["string", "null"],
            "description": "Where the next page begins; null at the end.",
        },
        "total": {**count, "description": "How many there are in all, where `count=exact` asked."},
    }
    details = {
        "type": "object",
        "description": "By field or parameter, what is wrong with it.",
        "additionalProperties": True,
    }
    error = {
        "code": {"type": "string", "enum": sorted({fault.code for fault in _FAULTS})},
        "message": {"type": "string"},
        "details": details,
        "requestId": {"type": "string"},
        "stack": {
            "type": "array",
            "items": {"type": "string"},
            "description": "In development, of a 500 only.",
        },
    }
    told = {"type": "object", "required": ["code", "message", "requestId"], "properties": error}
    refused = {"success": {"type": "boolean", "const": False}, "error": ref("ErrorDetail")}
    return {
        "PageMeta": {"type": "object", "required": ["limit", "nextCursor"], "properties": meta},
        "ErrorDetail": told,
        "ErrorAnswer": {"type": "object", "required": ["success", "error"], "properties": refused},
    }


def error_responses() -> dict[str, Schema]:
    """Return the answers of all errors by the name of their class."""
    found = {}
    for fault in _FAULTS:
        headers: dict[str, Any] = {**_REQUEST_ID}
        if fault is errors.Unauthenticated:
            headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True}
        if fault in (errors.RateLimited, errors.Unavailable):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        found[fault.__name__] = _answer((fault.__doc__ or "").strip(), ref("ErrorAnswer"), headers)
    return found


def shared_headers() -> dict[str, Schema]:
    """Return the headers that answers carry."""
    return {
        "RequestId": _header("The request's id, as logs name it.", {"type": "string"}),
        "ETag": _header("The row's version and a hash of the answer.", {"type": "string"}),
        "Location": _header(
            "The address of what was created.", {"type": "string", "format": "uri-reference"}
        ),
        "RetryAfter": _header("After how many seconds to try again.", {"type": "integer", "minimum": 0}),
    }


def _header(says: str, schema: Schema) -> Schema:
    return {"description": says, "required": True, "schema": schema}


def _enveloped(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": ["success", *properties],
        "properties": {"success": {"type": "boolean", "const": True}, **properties},
    }


def _answer(says: str, schema: Schema, headers: dict[str, Any]) -> Schema:
    return {"description": says, "headers": headers, "content": {"application/json": {"schema": schema}}}

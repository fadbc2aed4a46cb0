"""What an address answers: the envelope around a row or a page, and every error in its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monynha.core import errors
from monynha.core.errors import AppError
from monynha.engine.schema.resource import Resource
from monynha.protocols.openapi.components import row_reference, schema_name
from monynha.protocols.openapi.field_schemas import Schema, ref

# An address that stands in the document takes its method.
_ERROR_CLASSES: tuple[type[AppError], ...] = tuple(
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, AppError) and one not in (AppError, errors.MethodNotAllowedError)
)
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_ETAG = {"ETag": {"$ref": "#/components/headers/ETag"}}


def item_response(resource: Resource, status: int, description: str, *, is_versioned: bool = True) -> Schema:
    """Return the answer that shows one row."""
    headers: dict[str, Any] = {**_REQUEST_ID}
    if is_versioned:
        headers |= _ETAG
    if status == 201:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    return _json_response(description, ref(f"{schema_name(resource)}Answer"), headers)


def page_response(resource: Resource) -> Schema:
    """Return the answer that shows a page of rows."""
    return _json_response("A page.", ref(f"{schema_name(resource)}Page"), _REQUEST_ID)


def action_response(media_type: str, schema: Schema, description: str) -> Schema:
    """Return the answer of an action: JSON in the envelope, anything else as it is."""
    body = _envelope_schema({"data": schema}) if media_type == "application/json" else schema
    return {
        "description": f"{description}.",
        "headers": _REQUEST_ID,
        "content": {media_type: {"schema": body}},
    }


def empty_response(description: str) -> Schema:
    """Return an answer without a body."""
    return {"description": description, "headers": _REQUEST_ID}


def error_references(error_classes: Iterable[type[AppError]]) -> dict[str, Schema]:
    """Return references to errors, by their statuses."""
    names_by_status = {one.status: one.__name__ for one in error_classes}
    return {
        str(status): {"$ref": f"#/components/responses/{names_by_status[status]}"} for status in sorted(names_by_status)
    }


def envelope_schemas(resource: Resource) -> dict[str, Schema]:
    """Return the schemas of the answers around a resource's rows."""
    page = {"type": "array", "items": row_reference(resource)}
    return {
        f"{schema_name(resource)}Answer": _envelope_schema({"data": row_reference(resource)}),
        f"{schema_name(resource)}Page": _envelope_schema({"data": page, "meta": ref("PageMeta")}),
    }


def shared_schemas() -> dict[str, Schema]:
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
        "code": {"type": "string", "enum": sorted({fault.code for fault in _ERROR_CLASSES})},
        "message": {"type": "string"},
        "details": details,
        "requestId": {"type": "string"},
        "stack": {
            "type": "array",
            "items": {"type": "string"},
            "description": "In development, of a 500 only.",
        },
    }
    error_detail = {"type": "object", "required": ["code", "message", "requestId"], "properties": error}
    error_envelope = {"success": {"type": "boolean", "const": False}, "error": ref("ErrorDetail")}
    return {
        "PageMeta": {"type": "object", "required": ["limit", "nextCursor"], "properties": meta},
        "ErrorDetail": error_detail,
        "ErrorAnswer": {"type": "object", "required": ["success", "error"], "properties": error_envelope},
    }


def error_responses() -> dict[str, Schema]:
    """Return the answers of all errors by the name of their class."""
    responses = {}
    for error_class in _ERROR_CLASSES:
        headers: dict[str, Any] = {**_REQUEST_ID}
        if error_class is errors.UnauthenticatedError:
            headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True}
        if error_class in (errors.RateLimitedError, errors.UnavailableError):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        responses[error_class.__name__] = _json_response(
            (error_class.__doc__ or "").strip(), ref("ErrorAnswer"), headers
        )
    return responses


def shared_headers() -> dict[str, Schema]:
    """Return the headers that answers carry."""
    return {
        "RequestId": _header("The request's id, as logs name it.", {"type": "string"}),
        "ETag": _header("The row's version and a hash of the answer.", {"type": "string"}),
        "Location": _header("The address of what was created.", {"type": "string", "format": "uri-reference"}),
        "RetryAfter": _header("After how many seconds to try again.", {"type": "integer", "minimum": 0}),
    }


def _header(description: str, schema: Schema) -> Schema:
    return {"description": description, "required": True, "schema": schema}


def _envelope_schema(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": ["success", *properties],
        "properties": {"success": {"type": "boolean", "const": True}, **properties},
    }


def _json_response(description: str, schema: Schema, headers: dict[str, Any]) -> Schema:
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }

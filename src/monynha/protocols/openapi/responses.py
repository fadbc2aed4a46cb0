"""The responses of operations: rows and pages in the envelope, errors by status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monynha.core import errors
from monynha.core.errors import AppError
from monynha.engine.schema.resource import Resource
from monynha.protocols.openapi.components import part_name
from monynha.protocols.openapi.field_schemas import Schema, ref

# Every operation of the document allows its method, so that none responds with MethodNotAllowedError.
_UNDOCUMENTED = (AppError, errors.MethodNotAllowedError)
_ERROR_CLASSES: tuple[type[AppError], ...] = tuple(
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, AppError) and value not in _UNDOCUMENTED
)
# Names in the published document stay as they are, whatever a class is called.
_PUBLISHED_NAMES = {
    errors.HeadersTooLargeError: "HeadTooLarge",
    errors.PayloadTooLargeError: "TooLarge",
    errors.ValidationFailedError: "Invalid",
}
_REQUEST_ID: Mapping[str, Schema] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_ETAG: Mapping[str, Schema] = {"ETag": {"$ref": "#/components/headers/ETag"}}


def item_response(resource: Resource, status: int, description: str, *, is_versioned: bool = True) -> Schema:
    """Return the response with one row."""
    headers = {**_REQUEST_ID}
    if is_versioned:
        headers |= _ETAG
    if status == 201:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    return _json_response(description, ref(f"{resource.type_name}Answer"), headers)


def extended_row_content(resource: Resource) -> Schema:
    """Return the content of a response with a new row that has further properties."""
    return {"content": {"application/json": {"schema": ref(f"{resource.type_name}CreatedAnswer")}}}


def extended_row_schemas(
    resource: Resource, row: Schema, properties: Mapping[str, Mapping[str, object]]
) -> dict[str, Schema]:
    """Return the schemas of a new row with further properties, and of its envelope."""
    name = f"{resource.type_name}Created"
    required, row_properties = row["required"], row["properties"]
    assert isinstance(required, list)  # as every schema of a row has it
    assert isinstance(row_properties, dict)  # as every schema of a row has it
    extended: Schema = {**row, "required": [*required, *properties], "properties": {**row_properties, **properties}}
    return {name: extended, f"{name}Answer": _envelope_schema({"data": ref(name)})}


def page_response(resource: Resource, other_media_types: Iterable[str] = ()) -> Schema:
    """Return the response with a page of rows, as JSON or as text of another media type."""
    content: Schema = {"application/json": {"schema": ref(f"{resource.type_name}Page")}}
    content |= {media_type: {"schema": {"type": "string"}} for media_type in other_media_types}
    return {"description": "A page of rows.", "headers": _REQUEST_ID, "content": content}


def action_response(media_type: str, schema: Schema, description: str) -> Schema:
    """Return the response of a custom endpoint: JSON in the envelope, other media types without it."""
    body = _envelope_schema({"data": schema}) if media_type == "application/json" else schema
    return {
        "description": f"{description}.",
        "headers": _REQUEST_ID,
        "content": {media_type: {"schema": body}},
    }


def empty_response(description: str) -> Schema:
    """Return a response without a body."""
    return {"description": description, "headers": _REQUEST_ID}


def error_references(error_classes: Iterable[type[AppError]]) -> dict[str, Schema]:
    """Return references to error responses, by status."""
    names_by_status = {error_class.status: _response_name(error_class) for error_class in error_classes}
    return {
        str(status): {"$ref": f"#/components/responses/{names_by_status[status]}"} for status in sorted(names_by_status)
    }


def envelope_schemas(resource: Resource) -> dict[str, Schema]:
    """Return the schemas of the envelopes of a row and of a page, with all fields and with selected ones."""
    schemas: dict[str, Schema] = {}
    for row_name in (resource.type_name, part_name(resource)):
        if resource.operations - {"list"}:
            schemas[f"{row_name}Answer"] = _envelope_schema({"data": ref(row_name)})
        if "list" in resource.operations:
            page: Schema = {"type": "array", "items": ref(row_name)}
            schemas[f"{row_name}Page"] = _envelope_schema({"data": page, "meta": ref("PageMeta")})
    return schemas


def shared_schemas() -> dict[str, Schema]:
    """Return the schemas of all responses: page metadata and errors."""
    error_envelope: Schema = {"success": {"type": "boolean", "const": False}, "error": ref("ErrorDetail")}
    return {
        "PageMeta": _page_meta_schema(),
        "ErrorDetail": _error_detail_schema(),
        "ErrorAnswer": {"type": "object", "required": ["success", "error"], "properties": error_envelope},
    }


def _page_meta_schema() -> Schema:
    properties = {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "nextCursor": {
            "type": ["string", "null"],
            "description": "Pass it as `cursor` to get the next page; null on the last page.",
        },
        "total": {
            "type": "integer",
            "minimum": 0,
            "description": "Number of rows on all pages, with `count=exact`.",
        },
    }
    return {"type": "object", "required": ["limit", "nextCursor"], "properties": properties}


def _error_detail_schema() -> Schema:
    details = {
        "type": "object",
        "description": "Messages by field or parameter.",
        "additionalProperties": True,
    }
    properties = {
        "code": {"type": "string", "enum": sorted({error_class.code for error_class in _ERROR_CLASSES})},
        "message": {"type": "string"},
        "details": details,
        "requestId": {"type": "string"},
        "stack": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Of a 500 in development.",
        },
    }
    return {"type": "object", "required": ["code", "message", "requestId"], "properties": properties}


def error_responses() -> dict[str, Schema]:
    """Return the responses of all errors, by name."""
    responses: dict[str, Schema] = {}
    for error_class in _ERROR_CLASSES:
        if error_class.__base__ is not AppError:
            # It has the status, and so the response, of the error that it is a kind of.
            continue
        headers = {**_REQUEST_ID}
        if error_class is errors.UnauthenticatedError:
            headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True}
        if error_class in (errors.RateLimitedError, errors.UnavailableError):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        responses[_response_name(error_class)] = _json_response(
            (error_class.__doc__ or "").strip(), ref("ErrorAnswer"), headers
        )
    return responses


def shared_headers() -> dict[str, Schema]:
    """Return the headers of responses, by name."""
    return {
        "RequestId": _header("Id of the request, which the log lines contain too.", {"type": "string"}),
        "ETag": _header("Version of the row and hash of the response.", {"type": "string"}),
        "Location": _header("URL of the created row.", {"type": "string", "format": "uri-reference"}),
        "RetryAfter": _header("Seconds to wait before the next attempt.", {"type": "integer", "minimum": 0}),
    }


def _response_name(error_class: type[AppError]) -> str:
    return _PUBLISHED_NAMES.get(error_class) or error_class.__name__.removesuffix("Error")


def _header(description: str, schema: Schema) -> Schema:
    return {"description": description, "required": True, "schema": schema}


def _envelope_schema(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": ["success", *properties],
        "properties": {"success": {"type": "boolean", "const": True}, **properties},
    }


def _json_response(description: str, schema: Schema, headers: Mapping[str, Schema]) -> Schema:
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }

"""Responses of /storage/v1: plain JSON, and errors in the format of Supabase Storage.

An error's HTTP status is 400, whatever its own is, which clients read from `statusCode`; but those of resumable
uploads, which TUS clients read, of ranges, of limits and of our own failures are what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from monynha.core.errors import (
    AppError,
    BadRequestError,
    ForbiddenError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    UnauthenticatedError,
    ValidationFailedError,
)
from monynha.domains.storage.errors import AccessDeniedError, EntityTooLargeError, InvalidRequestError, StorageError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, encode_headers, json_response

RESUMABLE_PATH = "/storage/v1/upload/resumable"
_REAL_STATUSES = frozenset({405, 408, 416, 429})
_INVALID_TOKEN = "The access token is malformed, expired or revoked"


def error_response(error: AppError, request: Request, stack: Sequence[str]) -> Response:
    """Render an error in the wire's format."""
    wire_error = _wire_error(error)
    body: dict[str, object] = {
        "statusCode": str(wire_error.status),
        "error": wire_error.title,
        "message": wire_error.message,
        "code": wire_error.code,
    }
    if stack:
        body["stack"] = list(stack)
    headers = encode_headers(*error.headers)
    if request.path.startswith(RESUMABLE_PATH):
        tus: Headers = ((b"tus-resumable", b"1.0.0"), (b"cache-control", b"no-store"))
        return json_response(body, status=wire_error.status, extra_headers=(*tus, *headers))
    return json_response(body, status=_http_status(wire_error.status, error), extra_headers=headers)


def _http_status(status: int, error: AppError) -> int:
    # A path without a route is no object that does not exist.
    if status >= 500 or status in _REAL_STATUSES or isinstance(error, NotFoundError):
        return status
    return 403 if isinstance(error, ForbiddenError) else 400


class _OtherError(StorageError):
    """An error of another layer, with its own status."""

    def __init__(self, error: AppError, code: str) -> None:
        super().__init__(error.message)
        self.__dict__.update(status=error.status, code=code, title=type(error).__name__.removesuffix("Error"))


def _wire_error(error: AppError) -> StorageError:
    match error:
        case StorageError():
            return error
        case UnauthenticatedError():
            return AccessDeniedError(_INVALID_TOKEN)
        case ForbiddenError():
            return AccessDeniedError(error.message)
        case PayloadTooLargeError():
            return EntityTooLargeError()
        case BadRequestError() | ValidationFailedError():
            return InvalidRequestError(_with_details(error))
        case NotFoundError() | MethodNotAllowedError():
            return _OtherError(error, "InvalidRequest")
        case _:
            return _OtherError(error, {429: "SlowDown", 500: "InternalError"}.get(error.status, "InternalError"))


def _with_details(error: AppError) -> str:
    problems = "; ".join(f"{field} {problem}" for field, problem in error.details.items())
    return problems or error.message

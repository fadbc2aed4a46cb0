"""Errors in the format of Supabase Storage: HTTP 400 with the real status as text, but for a few."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from monynha.core.errors import (
    AppError,
    BadRequestError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from monynha.domains.storage.errors import InvalidRangeError, ObjectNotFoundError, UploadLockedError
from monynha.domains.storage.http.responses import RESUMABLE_PATH, error_response
from monynha.protocols.http.request import HttpScope, Request


def request_to(path: str) -> Request:
    """Return a request to a path."""
    scope = cast(HttpScope, {"method": "GET", "path": path, "headers": []})  # all that is read of it

    async def receive() -> Any:
        raise AssertionError

    return Request(scope, receive, client_ip="")


@pytest.mark.parametrize(
    ("error", "http_status", "status", "code"),
    [
        (ObjectNotFoundError(), 400, "404", "NoSuchKey"),
        (UnauthenticatedError(), 400, "403", "AccessDenied"),
        (ForbiddenError(), 403, "403", "AccessDenied"),
        (BadRequestError(), 400, "400", "InvalidRequest"),
        (PayloadTooLargeError(), 400, "413", "EntityTooLarge"),
        (InvalidRangeError(), 416, "416", "InvalidRange"),
        (NotFoundError(), 404, "404", "InvalidRequest"),
        (MethodNotAllowedError(("GET",)), 405, "405", "InvalidRequest"),
        (RateLimitedError(retry_after_s=5), 429, "429", "SlowDown"),
        (InternalError(), 500, "500", "InternalError"),
        (UnavailableError(), 503, "503", "InternalError"),
    ],
)
def test_error_has_the_four_fields_that_clients_read(error: AppError, http_status: int, status: str, code: str) -> None:
    response = error_response(error, request_to("/storage/v1/object/a"), ())
    body = orjson.loads(response.body)

    assert response.status == http_status
    assert (body["statusCode"], body["code"]) == (status, code)
    assert body.keys() == {"statusCode", "error", "message", "code"}


def test_resumable_uploads_have_real_statuses() -> None:
    response = error_response(UploadLockedError(), request_to(f"{RESUMABLE_PATH}/x"), ())

    assert response.status == 423
    assert (b"tus-resumable", b"1.0.0") in response.headers


def test_details_headers_and_stack_are_rendered() -> None:
    error = BadRequestError("wrong", details={"a": "is wrong"}, headers=(("X-A", "1"),))

    response = error_response(error, request_to("/storage/v1/bucket"), ("file:1 in f",))

    assert orjson.loads(response.body)["message"] == "a is wrong"
    assert orjson.loads(response.body)["stack"] == ["file:1 in f"]
    assert (b"x-a", b"1") in response.headers

"""Documented responses: every error that can occur before or in a handler, and the envelopes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx
import pytest

from monynha.core.errors import AppError
from monynha.protocols.http import rate_limits, request
from monynha.protocols.http.request import BODY_LIMIT_BYTES
from monynha.protocols.http.server import connection
from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, SCHEMAS, with_unknown_ids
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


def error_statuses_of(module: ModuleType) -> set[str]:
    """Return the statuses of the errors that a module imports, to raise them."""
    error_classes = [
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, AppError)
    ]
    return {str(error_class.status) for error_class in error_classes if error_class is not AppError}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_common_errors_are_documented_for_every_operation(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    common_statuses = error_statuses_of(connection) | error_statuses_of(rate_limits)

    assert {"408", "431", "429"} <= common_statuses <= set(operation["responses"])
    assert "requestBody" not in operation or error_statuses_of(request) <= set(operation["responses"])
    assert "405" not in operation["responses"]


MANY_HEADERS = [("x-more", "x")] * 101
JSON = {"content-type": "application/json"}
FAULTY_REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "too many headers": (431, {"headers": MANY_HEADERS}),
    "unsupported response media type": (406, {"headers": {"accept": "image/png"}}),
    "unsupported body media type": (415, {"headers": {"content-type": "text/plain"}, "content": b"x"}),
    "oversized body": (413, {"headers": JSON, "content": b" " * (BODY_LIMIT_BYTES + 1)}),
    "malformed body": (400, {"headers": JSON, "content": b"{"}),
    "body of the wrong type": (422, {"headers": JSON, "content": b"[]"}),
    "unknown query parameter": (400, {"params": {"unknown": "1"}}),
    "malformed token": (401, {"headers": {"authorization": "Bearer x"}}),
}


@pytest.mark.parametrize("fault", FAULTY_REQUESTS)
async def test_provoked_errors_are_documented(user: ApiUser, address: str, fault: str) -> None:
    expected_status, request_options = FAULTY_REQUESTS[fault]
    headers = {"authorization": f"Bearer {user.token}"}
    seen_statuses = set()

    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
        for path, method in OPERATIONS:
            response = await client.request(method, with_unknown_ids(path), **request_options)
            seen_statuses.add(response.status_code)
            documented_statuses = DOCUMENT["paths"][path][method]["responses"]
            assert str(response.status_code) in documented_statuses, (method, path, response.text)

    assert expected_status in seen_statuses


def test_error_codes_are_an_enum_of_all_documented_errors() -> None:
    codes = SCHEMAS["ErrorDetail"]["properties"]["code"]["enum"]

    assert codes == sorted(set(codes))
    assert {"BAD_REQUEST", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "VALIDATION_ERROR"} <= set(codes)
    assert "METHOD_NOT_ALLOWED" not in codes


def test_names_of_error_responses_are_published_and_stay() -> None:
    assert sorted(DOCUMENT["components"]["responses"]) == [
        "BadRequest",
        "Conflict",
        "Forbidden",
        "HeadTooLarge",
        "Internal",
        "Invalid",
        "NotAcceptable",
        "NotFound",
        "PreconditionFailed",
        "RangeNotSatisfiable",
        "RateLimited",
        "RequestTimeout",
        "TooLarge",
        "Unauthenticated",
        "Unavailable",
        "UnsupportedMediaType",
    ]


def test_errors_that_ask_to_wait_or_to_authenticate_document_their_headers() -> None:
    headers = {name: set(response["headers"]) for name, response in DOCUMENT["components"]["responses"].items()}

    assert headers["Unauthenticated"] == {"X-Request-Id", "WWW-Authenticate"}
    assert headers["RateLimited"] == headers["Unavailable"] == {"X-Request-Id", "Retry-After"}
    assert headers["NotFound"] == {"X-Request-Id"}

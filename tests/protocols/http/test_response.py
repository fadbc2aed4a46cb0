"""Responses: the JSON envelope of data and of errors, and header encoding."""

from __future__ import annotations

import orjson

from monynha.core.errors import NotFoundError, RateLimitedError, UnauthenticatedError, ValidationFailedError
from monynha.protocols.http.response import (
    data_response,
    decode_header_lines,
    encode_headers,
    error_response,
    json_response,
)

CONTENT_TYPE = (b"content-type", b"application/json")


def test_data_is_wrapped_without_being_parsed() -> None:
    response = data_response(b'{"id": 7}', status=201, extra_headers=((b"etag", b'"1"'),))

    assert (response.status, response.body) == (201, b'{"success":true,"data":{"id": 7}}')
    assert response.headers == (CONTENT_TYPE, (b"etag", b'"1"'))


def test_a_page_has_metadata() -> None:
    assert data_response(b"[]", meta=b'{"limit":20}').body == b'{"success":true,"data":[],"meta":{"limit":20}}'


def test_plain_json_has_no_envelope() -> None:
    response = json_response({"status": "ok"}, status=202)

    assert (response.status, response.body, response.headers) == (202, b'{"status":"ok"}', (CONTENT_TYPE,))


def test_an_error_has_code_message_and_request_id() -> None:
    response = error_response(NotFoundError("Task not found."), "r1")

    assert response.status == 404
    assert orjson.loads(response.body) == {
        "success": False,
        "error": {"code": "NOT_FOUND", "message": "Task not found.", "requestId": "r1"},
    }


def test_an_error_shows_details_and_in_development_its_stack() -> None:
    error = ValidationFailedError(details={"title": "is required"})

    body = orjson.loads(error_response(error, "r1", stack=["app/x.py:1 in y"]).body)

    assert body["error"]["details"] == {"title": "is required"}
    assert body["error"]["stack"] == ["app/x.py:1 in y"]


def test_errors_bring_their_headers() -> None:
    unauthenticated = error_response(UnauthenticatedError(), "r1")
    limited = error_response(RateLimitedError("Too many", retry_after_s=7), "r1")

    assert dict(unauthenticated.headers)[b"www-authenticate"] == b"Bearer"
    assert dict(limited.headers)[b"retry-after"] == b"7"


def test_header_names_are_lower_case_and_values_latin_1() -> None:
    assert encode_headers(("X-Name", "é"), ("ETag", "→")) == ((b"x-name", b"\xe9"), (b"etag", b"?"))


def test_encoded_header_lines_can_be_read_back() -> None:
    assert decode_header_lines(b'x-one: 1\r\nx-two: "a: b"\r\n') == ((b"x-one", b"1"), (b"x-two", b'"a: b"'))

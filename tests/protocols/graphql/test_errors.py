"""Errors have GraphQL's response format, with the code, details and request id in `extensions`."""

from __future__ import annotations

import json

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse

from monynha.core.errors import ConflictError, NotFoundError
from monynha.protocols.graphql.errors import (
    RequestError,
    document_error,
    encode_response,
    format_error,
    variables_error,
)


def test_field_error_has_path_code_details_and_request_id() -> None:
    entry = format_error(ConflictError(email="is already registered"), ("users", 0, "email"), "r1")

    assert entry["path"] == ["users", 0, "email"]
    assert entry["extensions"] == {
        "code": "CONFLICT",
        "details": {"email": "is already registered"},
        "requestId": "r1",
    }


def test_error_of_a_whole_request_has_no_path() -> None:
    entry = format_error(NotFoundError("Nothing here."))

    assert entry == {"message": "Nothing here.", "extensions": {"code": "NOT_FOUND"}}


def test_document_error_has_the_location_of_the_problem() -> None:
    with pytest.raises(GraphQLSyntaxError) as error_info:
        parse("{\n  users(")

    (entry,) = document_error([error_info.value]).errors

    assert entry["locations"] == [{"line": 2, "column": 9}]
    assert entry["extensions"] == {"code": "BAD_REQUEST"}


def test_variables_error_without_a_location_has_the_validation_code() -> None:
    (entry,) = variables_error([GraphQLError("x" * 2_000)]).errors

    assert entry == {"message": "x" * 1_000, "extensions": {"code": "VALIDATION_ERROR"}}


@pytest.mark.parametrize(
    ("data", "expected"), [(None, {}), (b"null", {"data": None}), (b'{"a":1}', {"data": {"a": 1}})]
)
def test_response_has_data_only_if_something_was_executed(data: bytes | None, expected: object) -> None:
    errors = RequestError.from_error(NotFoundError("Nothing here.")).errors

    response = json.loads(encode_response(errors, data))

    assert response.pop("errors") == errors
    assert response == expected

"""The parameters of a request are read strictly, and every wrong one is named."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.core.errors import BadRequestError
from monynha.protocols.graphql.transport.request_params import RequestParams, parse_request_params

HASH = "a" * 64


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": "{ a }"}, RequestParams("{ a }", None, None, {})),
        (
            {"query": "{ a }", "operationName": "A", "variables": {"x": 1}, "extensions": {}},
            RequestParams("{ a }", None, "A", {"x": 1}),
        ),
        ({"query": "{ a }", "variables": None, "operationName": None}, RequestParams("{ a }", None, None, {})),
        ({"query": "{ a }", "extensions": {"other": 1}}, RequestParams("{ a }", None, None, {})),
        (
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
            RequestParams(None, HASH, None, {}),
        ),
    ],
)
def test_parameters_are_parsed(body: object, expected: RequestParams) -> None:
    assert parse_request_params(body) == expected


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"query": "is required"}),
        ({"query": None}, {"query": "is required"}),
        ({"query": 1}, {"query": "must be a text"}),
        (
            {"query": "{ a }", "operationName": 1, "variables": [], "extensions": "x"},
            {
                "operationName": "must be a text",
                "variables": "must be an object",
                "extensions": "must be an object",
            },
        ),
    ],
)
def test_every_wrong_parameter_is_named(body: object, details: dict[str, str]) -> None:
    with pytest.raises(BadRequestError) as error_info:
        parse_request_params(body)

    assert error_info.value.details == details


@pytest.mark.parametrize("body", [None, "text", [], 1])
def test_body_must_be_an_object(body: object) -> None:
    with pytest.raises(BadRequestError, match="must be an object"):
        parse_request_params(body)


@pytest.mark.parametrize(
    "persisted_query",
    [1, {}, {"version": 2, "sha256Hash": HASH}, {"version": 1}, {"version": 1, "sha256Hash": HASH.upper()}],
)
def test_malformed_persisted_query_is_rejected(persisted_query: Any) -> None:
    with pytest.raises(BadRequestError) as error_info:
        parse_request_params({"extensions": {"persistedQuery": persisted_query}})

    assert list(error_info.value.details) == ["persistedQuery"]

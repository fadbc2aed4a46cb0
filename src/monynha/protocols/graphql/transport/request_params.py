"""The parameters of a request, whatever brought them (GraphQL over HTTP, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import BadRequestError
from monynha.protocols.graphql.transport.persisted_queries import parse_query_hash


@dataclass(frozen=True)
class RequestParams:
    """A request's parameters, each of its type; the text may be known by its hash alone."""

    query: str | None
    sha256_hash: str | None
    operation_name: str | None
    variables: dict[str, object]


def parse_request_params(body: object) -> RequestParams:
    """Return the parameters of one request (BadRequest for what is none)."""
    if not isinstance(body, dict):
        raise BadRequestError("The body must be an object with the text `query`, or a list of such objects.")
    problems: dict[str, object] = {}
    for name, json_type, description in (
        ("query", str, "a text"),
        ("operationName", str, "a text"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if body.get(name) is not None and not isinstance(body[name], json_type):
            problems[name] = f"must be {description}"
    sha256_hash = None if "extensions" in problems else parse_query_hash(body.get("extensions") or {})
    if body.get("query") is None and sha256_hash is None:
        problems["query"] = "is required"
    if problems:
        raise BadRequestError(f"The request cannot be read: {', '.join(problems)}.", details=problems)
    return RequestParams(body.get("query"), sha256_hash, body.get("operationName"), body.get("variables") or {})

"""The parameters of a GraphQL request, whichever transport brings them (GraphQL over HTTP, 4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monynha.core.errors import BadRequestError

_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
_PARAMETERS: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a text"),
    ("operationName", str, "a text"),
    ("variables", dict, "an object"),
    ("extensions", dict, "an object"),
)


@dataclass(frozen=True, slots=True)
class RequestParams:
    """One request's parameters; `query` is None if the document is named by its hash alone."""

    query: str | None
    sha256_hash: str | None
    operation_name: str | None
    variables: dict[str, object]


def parse_request_params(body: object) -> RequestParams:
    """Parse the JSON body of one request (BadRequestError names every wrong parameter)."""
    if not isinstance(body, dict):
        raise BadRequestError("The body must be an object with the text `query`, or a list of such objects.")
    query = body.get("query")
    if type(query) is str and len(body) == 2 and type(body.get("variables")) is dict:
        # What most clients send needs no further look: it was a measurable part of a small query.
        return RequestParams(query, None, None, body["variables"])
    problems: dict[str, object] = {}
    for name, json_type, description in _PARAMETERS:
        if body.get(name) is not None and not isinstance(body[name], json_type):
            problems[name] = f"must be {description}"
    sha256_hash = None if "extensions" in problems else _parse_query_hash(body.get("extensions") or {})
    if query is None and sha256_hash is None:
        problems["query"] = "is required"
    if problems:
        raise BadRequestError(f"The request is malformed: {', '.join(problems)}.", details=problems)
    return RequestParams(query, sha256_hash, body.get("operationName"), body.get("variables") or {})


def _parse_query_hash(extensions: dict[str, object]) -> str | None:
    """Return the hash of a persisted query (Apollo's APQ, version 1), None if the extensions have none."""
    persisted_query = extensions.get("persistedQuery")
    if persisted_query is None:
        return None
    sha256_hash: object = None
    if isinstance(persisted_query, dict) and persisted_query.get("version") == 1:
        sha256_hash = persisted_query.get("sha256Hash")
    if not isinstance(sha256_hash, str) or not _SHA256_PATTERN.fullmatch(sha256_hash):
        problem = "must be {version: 1, sha256Hash: 64 hexadecimal digits}"
        raise BadRequestError(f"The persisted query {problem}.", details={"persistedQuery": problem})
    return sha256_hash

"""The parameters of a request, whatever brought them (GraphQL over HTTP, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import BadRequest
from monynha.protocols.graphql.persisted import digest_in


@dataclass(frozen=True)
class Sent:
    """A request's parameters, each of its type; the text may be known by its hash alone."""

    text: str | None
    digest: str | None
    operation: str | None
    variables: dict[str, object]


def read_sent(body: object) -> Sent:
    """Return the parameters of one request (BadRequest for what is none)."""
    if not isinstance(body, dict):
        raise BadRequest("The body must be an object with the text `query`, or a list of such objects.")
    problems: dict[str, object] = {}
    for name, kind, says in (
        ("query", str, "a text"),
        ("operationName", str, "a text"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if body.get(name) is not None and not isinstance(body[name], kind):
            problems[name] = f"must be {says}"
    digest = None if "extensions" in problems else digest_in(body.get("extensions") or {})
    if body.get("query") is None and digest is None:
        problems["query"] = "is required"
    if problems:
        raise BadRequest(f"The request cannot be read: {', '.join(problems)}.", details=problems)
    return Sent(body.get("query"), digest, body.get("operationName"), body.get("variables") or {})

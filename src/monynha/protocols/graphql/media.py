"""Which of its two media types an answer takes (GraphQL over HTTP, 6.1)."""

from __future__ import annotations

from monynha.core.errors import NotAcceptable

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
_RANGES = {JSON: (JSON, "application/*", "*/*"), GRAPHQL: (GRAPHQL, "application/*", "*/*")}


def chosen(header: str | None) -> str:
    """Return the media type that `Accept` likes best; where it names neither, application/json."""
    if header is None or not header.strip():
        return JSON
    weights = dict(_range(part) for part in header.lower().split(","))
    found = {kind: _weight(ranges, weights) for kind, ranges in _RANGES.items()}
    if not any(found.values()):
        raise NotAcceptable(
            "Only application/json and application/graphql-response+json can be answered here."
        )
    if found[GRAPHQL] > found[JSON] or (found[GRAPHQL] == found[JSON] and GRAPHQL in weights):
        return GRAPHQL
    return JSON


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = [word.strip() for word in part.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 1.0
    return kind, 1.0


def _weight(ranges: tuple[str, ...], weights: dict[str, float]) -> float:
    return next((weights[one] for one in ranges if one in weights), 0.0)

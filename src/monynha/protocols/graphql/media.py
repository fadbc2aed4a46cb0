"""Which of its media types an answer takes (GraphQL over HTTP, 6.1; GraphQL over server-sent events)."""

from __future__ import annotations

from functools import lru_cache

from monynha.core.errors import NotAcceptable

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
_RANGES = {
    JSON: (JSON, "application/*", "*/*"),
    GRAPHQL: (GRAPHQL, "application/*", "*/*"),
    EVENTS: (EVENTS,),
}


@lru_cache(maxsize=200)
def chosen(header: str | None) -> str:
    """Return the media type that `Accept` likes best; without one, application/json.

    Events have to be named, and are taken where nothing else is liked as well.
    """
    if header is None or not header.strip():
        return JSON
    weights = _weights(header)
    found = {kind: _weight(ranges, weights) for kind, ranges in _RANGES.items()}
    if not any(found.values()):
        raise NotAcceptable(
            "Only application/json, application/graphql-response+json and text/event-stream can be answered."
        )
    if found[EVENTS] > max(found[GRAPHQL], found[JSON]):
        return EVENTS
    if found[GRAPHQL] > found[JSON] or (found[GRAPHQL] == found[JSON] and GRAPHQL in weights):
        return GRAPHQL
    return JSON


def takes_events(header: str | None) -> bool:
    """Whether `Accept` names events at all."""
    return header is not None and _weights(header).get(EVENTS, 0.0) > 0


def _weights(header: str) -> dict[str, float]:
    return dict(_range(part) for part in header.lower().split(","))


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

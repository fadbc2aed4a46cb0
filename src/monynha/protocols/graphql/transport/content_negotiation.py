"""Which of its media types an answer takes (GraphQL over HTTP, 6.1; GraphQL over server-sent events)."""

from __future__ import annotations

from functools import lru_cache

from monynha.core.errors import NotAcceptableError

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
_MATCHING_RANGES = {
    JSON: (JSON, "application/*", "*/*"),
    GRAPHQL_RESPONSE: (GRAPHQL_RESPONSE, "application/*", "*/*"),
    EVENT_STREAM: (EVENT_STREAM,),
}


@lru_cache(maxsize=200)
def negotiate(header: str | None) -> str:
    """Return the media type that `Accept` likes best; without one, application/json.

    Events have to be named, and are taken where nothing else is liked as well.
    """
    if header is None or not header.strip():
        return JSON
    weights = _parse_accept(header)
    weights_by_type = {kind: _best_weight(ranges, weights) for kind, ranges in _MATCHING_RANGES.items()}
    if not any(weights_by_type.values()):
        raise NotAcceptableError(
            "Only application/json, application/graphql-response+json and text/event-stream can be answered."
        )
    if weights_by_type[EVENT_STREAM] > max(weights_by_type[GRAPHQL_RESPONSE], weights_by_type[JSON]):
        return EVENT_STREAM
    if weights_by_type[GRAPHQL_RESPONSE] > weights_by_type[JSON] or (
        weights_by_type[GRAPHQL_RESPONSE] == weights_by_type[JSON] and GRAPHQL_RESPONSE in weights
    ):
        return GRAPHQL_RESPONSE
    return JSON


def accepts_event_stream(header: str | None) -> bool:
    """Whether `Accept` names events at all."""
    return header is not None and _parse_accept(header).get(EVENT_STREAM, 0.0) > 0


def _parse_accept(header: str) -> dict[str, float]:
    return dict(_parse_media_range(part) for part in header.lower().split(","))


def _parse_media_range(text: str) -> tuple[str, float]:
    media_range, *parameters = [word.strip() for word in text.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_range, float(value)
            except ValueError:
                return media_range, 1.0
    return media_range, 1.0


def _best_weight(ranges: tuple[str, ...], weights: dict[str, float]) -> float:
    return next((weights[one] for one in ranges if one in weights), 0.0)

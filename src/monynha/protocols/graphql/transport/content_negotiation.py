"""Choice of the response's media type by `Accept` (GraphQL over HTTP, 6.1; graphql-sse)."""

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
def negotiate(accept: str | None) -> str:
    """Return the media type that `Accept` prefers, application/json without one (NotAcceptableError for none).

    An event stream has to be named, and is chosen only where nothing else is preferred as much.
    """
    if accept is None or not accept.strip():
        return JSON
    weights = _parse_accept(accept)
    weights_by_type = {media_type: _best_weight(ranges, weights) for media_type, ranges in _MATCHING_RANGES.items()}
    if not any(weights_by_type.values()):
        raise NotAcceptableError(
            "Only application/json, application/graphql-response+json and text/event-stream are available."
        )
    json, graphql_response = weights_by_type[JSON], weights_by_type[GRAPHQL_RESPONSE]
    if weights_by_type[EVENT_STREAM] > max(graphql_response, json):
        return EVENT_STREAM
    if graphql_response > json or (graphql_response == json and GRAPHQL_RESPONSE in weights):
        return GRAPHQL_RESPONSE
    return JSON


def accepts_event_stream(accept: str | None) -> bool:
    """Whether `Accept` names an event stream, with whatever weight above zero."""
    return accept is not None and _parse_accept(accept).get(EVENT_STREAM, 0.0) > 0


def _parse_accept(accept: str) -> dict[str, float]:
    """Return the weight of each media range."""
    return dict(_parse_media_range(text) for text in accept.lower().split(","))


def _parse_media_range(text: str) -> tuple[str, float]:
    media_range, *parameters = [part.strip() for part in text.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_range, float(value)
            except ValueError:
                return media_range, 1.0
    return media_range, 1.0


def _best_weight(ranges: tuple[str, ...], weights: dict[str, float]) -> float:
    """Return the weight of the most specific range that is named."""
    return next((weights[media_range] for media_range in ranges if media_range in weights), 0.0)

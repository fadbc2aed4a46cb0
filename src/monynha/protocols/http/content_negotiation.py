"""Content negotiation: whether a client accepts JSON (RFC 9110 §12.5.1)."""

from __future__ import annotations

from functools import lru_cache

_SPECIFICITY = {"*/*": 1, "application/*": 2, "application/json": 3}


@lru_cache(maxsize=500)
def accepts_json(accept: str | None) -> bool:
    """Whether an `Accept` header allows JSON: the most specific matching range decides; no header allows all."""
    if accept is None or not accept.strip():
        return True
    best_specificity, best_quality = 0, 0.0
    for media_range in accept.lower().split(","):
        media_type, *parameters = [part.strip() for part in media_range.split(";")]
        specificity = _SPECIFICITY.get(media_type, 0)
        if specificity > best_specificity:
            best_specificity, best_quality = specificity, _quality(parameters)
    return best_quality > 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0

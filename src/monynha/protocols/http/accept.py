"""Whether a client takes JSON (RFC 9110 §12.5.1)."""

from __future__ import annotations

from functools import lru_cache

_RANK = {"*/*": 1, "application/*": 2, "application/json": 3}


@lru_cache(maxsize=500)
def accepts_json(header: str | None) -> bool:
    """Whether `Accept` leaves JSON in: the most precise range that names it decides; no header is any."""
    if header is None or not header.strip():
        return True
    best, weight = 0, 0.0
    for part in header.lower().split(","):
        kind, *parameters = [word.strip() for word in part.split(";")]
        rank = _RANK.get(kind, 0)
        if rank > best:
            best, weight = rank, _weight(parameters)
    return weight > 0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0

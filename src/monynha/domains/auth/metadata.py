"""What may be noted on an account: a small JSON object that PostgreSQL and a token can carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from monynha.core.errors import Invalid

LIMITS_BYTES = {"user_metadata": 3_000, "app_metadata": 1_500}
"""How large each may be: the access token carries both, and a token over 8 kB is refused."""


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old metadata with the new keys put over it; a key set to null is taken away."""
    both = {**old, **new}
    return {key: value for key, value in both.items() if value is not None}


def checked(metadata: Mapping[str, Any], field: str) -> str:
    """Return the metadata as JSON text; Invalid where it is too large or cannot be stored."""
    try:
        text = orjson.dumps(metadata)
    except orjson.JSONEncodeError:
        # Whole numbers beyond 64 bits.
        raise Invalid(details={field: "holds a number beyond every range"}) from None
    if len(text) > LIMITS_BYTES[field]:
        raise Invalid(details={field: f"is larger than {LIMITS_BYTES[field]} bytes"})
    if holds_nul(metadata):
        raise Invalid(details={field: "holds a NUL"})
    return text.decode()


def holds_nul(value: object) -> bool:
    """Whether a JSON value holds the one character that PostgreSQL's texts cannot."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(holds_nul(key) or holds_nul(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(holds_nul, value))

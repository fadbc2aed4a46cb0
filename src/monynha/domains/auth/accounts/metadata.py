"""What may be noted on an account: a small JSON object that PostgreSQL and a token can carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from monynha.core.errors import ValidationFailedError

MAX_METADATA_BYTES = {"user_metadata": 3_000, "app_metadata": 1_500}
"""How large each may be: the access token carries both, and a token over 8 kB is refused."""


def merge_metadata(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old metadata with the new keys put over it; a key set to null is taken away."""
    combined = {**old, **new}
    return {key: value for key, value in combined.items() if value is not None}


def serialize_metadata(metadata: Mapping[str, Any], field: str) -> str:
    """Return the metadata as JSON text; Invalid where it is too large or cannot be stored."""
    try:
        text = orjson.dumps(metadata)
    except orjson.JSONEncodeError:
        # Whole numbers beyond 64 bits.
        raise ValidationFailedError(details={field: "holds a number beyond every range"}) from None
    if len(text) > MAX_METADATA_BYTES[field]:
        raise ValidationFailedError(details={field: f"is larger than {MAX_METADATA_BYTES[field]} bytes"})
    if contains_nul(metadata):
        raise ValidationFailedError(details={field: "holds a NUL"})
    return text.decode()


def contains_nul(value: object) -> bool:
    """Whether a JSON value holds the one character that PostgreSQL's texts cannot."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(contains_nul(key) or contains_nul(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(contains_nul, value))

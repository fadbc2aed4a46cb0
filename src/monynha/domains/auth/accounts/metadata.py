"""Account metadata: small JSON objects that PostgreSQL and an access token can carry."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from monynha.core.errors import ValidationFailedError

MAX_METADATA_BYTES = {"user_metadata": 3_000, "app_metadata": 1_500}
"""The limit on each as JSON: the access token carries both, and a token over 8 kB is refused."""


def merge_metadata(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """Return the old metadata with the new keys merged in; null removes a key."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def with_provider(app_metadata: Mapping[str, object], provider: str) -> dict[str, object]:
    """Return the app metadata with a provider added to those by which the account authenticates."""
    listed = app_metadata.get("providers")
    providers = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    if provider not in providers:
        providers.append(provider)
    return {"provider": provider, **app_metadata, "providers": providers}


def serialize_metadata(metadata: Mapping[str, object], field: str) -> str:
    """Return the metadata as JSON text; ValidationFailedError where it is too large or cannot be stored."""
    try:
        text = orjson.dumps(metadata)
    except orjson.JSONEncodeError:
        # An integer beyond 64 bits.
        raise ValidationFailedError(details={field: "must not contain a number beyond 64 bits"}) from None
    if len(text) > MAX_METADATA_BYTES[field]:
        raise ValidationFailedError(details={field: f"must be at most {MAX_METADATA_BYTES[field]} bytes"})
    if contains_nul(metadata):
        raise ValidationFailedError(details={field: "must not contain the character NUL"})
    return text.decode()


def contains_nul(value: object) -> bool:
    """Whether a JSON value contains NUL, the one character that `text` and `jsonb` cannot store."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(contains_nul(key) or contains_nul(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(contains_nul, value))

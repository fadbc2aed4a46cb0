"""Account metadata: merging, limits and characters."""

from __future__ import annotations

import pytest

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.metadata import contains_nul, merge_metadata, serialize_metadata


def test_new_keys_are_merged_and_null_removes_a_key() -> None:
    assert merge_metadata({"a": 1, "b": 2}, {"b": None, "c": 3}) == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"a": "x" * 3000}, "must be at most 3000 bytes"),
        ({"a": 2**64}, "must not contain a number beyond 64 bits"),
        ({"a": ["b\x00"]}, "must not contain the character NUL"),
        ({"a\x00": 1}, "must not contain the character NUL"),
    ],
)
def test_metadata_that_cannot_be_stored_is_refused(metadata: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        serialize_metadata(metadata, "user_metadata")

    assert refused.value.details == {"user_metadata": problem}


def test_the_largest_metadata_is_stored() -> None:
    text = serialize_metadata({"a": "x" * 2992}, "user_metadata")

    assert len(text) == 3000


@pytest.mark.parametrize(
    ("value", "expected"),
    [("\\u0000", False), (None, False), ({"a": [1, {"b": "c"}]}, False), ({"a": [1, {"b": "\x00"}]}, True)],
)
def test_nul_is_found_at_any_depth(value: object, expected: bool) -> None:
    assert contains_nul(value) is expected

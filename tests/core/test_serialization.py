"""JSON, UUIDs and timestamps: every valid form is parsed to its value, everything ambiguous is rejected."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(
    value=VALUES,
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    escapes=st.booleans(),
)
def test_json_value_is_the_same_whatever_its_formatting(
    value: object, separators: tuple[str, str], escapes: bool
) -> None:
    body = json.dumps(value, separators=separators, ensure_ascii=escapes).encode("utf-8", "replace")

    parsed = parse_json(body)

    assert (value, type(value)) == (parsed, type(parsed))


@pytest.mark.parametrize("trailing_space", [b"", b" "])
@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'"\\ud800"',
        b"NaN",
        b'"\xff"',
        b"1e999",
        b"[" * 33 + b"]" * 33,
    ],
)
def test_ambiguous_json_is_rejected(body: bytes, trailing_space: bytes) -> None:
    with pytest.raises(BadRequestError):
        parse_json(body + trailing_space)


def test_deep_nesting_is_rejected_by_the_strict_parser_as_well() -> None:
    for depth in (40, 500, 900, 5_000, 200_000):
        with pytest.raises(BadRequestError):
            parse_json(b"[" * depth + b'"\\u0041"' + b"]" * depth)

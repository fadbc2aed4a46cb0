"""Reading JSON: whoever writes a body, one value comes of it or a refusal."""

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
def test_the_same_value_is_read_however_it_is_written(
    value: object, separators: tuple[str, str], escapes: bool
) -> None:
    body = json.dumps(value, separators=separators, ensure_ascii=escapes).encode("utf-8", "replace")

    read = parse_json(body)

    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize("blank", [b"", b" "])
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
def test_what_could_be_read_in_two_ways_is_refused_in_every_form(body: bytes, blank: bytes) -> None:
    with pytest.raises(BadRequestError):
        parse_json(body + blank)


def test_nesting_beyond_what_python_recurses_is_refused_with_escapes_too() -> None:
    for depth in (40, 500, 900, 5_000, 200_000):
        with pytest.raises(BadRequestError):
            parse_json(b"[" * depth + b'"\\u0041"' + b"]" * depth)

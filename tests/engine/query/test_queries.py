"""Results: the version and the sort values in front are split off, and the JSON behind is passed through."""

from __future__ import annotations

import pytest

from monynha.core.errors import NotFoundError
from monynha.engine.query.queries import JsonRow, Page


def test_row_is_split_after_its_version() -> None:
    assert JsonRow.parse(b'[12, {"a":[1, 2]}]') == JsonRow(12, b'{"a":[1, 2]}')


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b"[null, null, []]", Page(None, None, b"[]")),
        (b'[3, null, [{"a":"x, y"}]]', Page(3, None, b'[{"a":"x, y"}]')),
        (b'[null, "5b315d", [{"a":1}, {"a":2}]]', Page(None, b"[1]", b'[{"a":1}, {"a":2}]')),
    ],
)
def test_page_is_split_after_total_and_sort_values(result: bytes, expected: Page) -> None:
    assert Page.parse(result) == expected


def test_missing_result_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        JsonRow.parse(None)
    with pytest.raises(NotFoundError):
        Page.parse(None)

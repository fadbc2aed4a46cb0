"""Pages of admin lists."""

from __future__ import annotations

import pytest

from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.paging import PageRequest


def test_empty_texts_are_the_defaults_and_sizes_are_bounded() -> None:
    assert PageRequest.parse({}) == PageRequest.parse({"page": "", "per_page": ""}) == PageRequest(1, 50)
    assert PageRequest.parse({"page": "3", "per_page": "99999"}) == PageRequest(3, 1000)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "٣", "1" * 10])
def test_a_page_is_a_positive_whole_number(text: str) -> None:
    with pytest.raises(InvalidAuthRequestError, match="Bad Pagination Parameters: page"):
        PageRequest.parse({"page": text})


def test_the_links_name_the_next_page_until_the_last() -> None:
    first = dict(PageRequest(1, 2).headers("https://a.example/list", total=3, filter="a b"))
    last = dict(PageRequest(2, 2).headers("https://a.example/list", total=3))
    empty = dict(PageRequest(1, 2).headers("https://a.example/list", total=0))

    assert first[b"x-total-count"] == b"3"
    assert first[b"link"] == (
        b'<https://a.example/list?page=2&per_page=2&filter=a+b>; rel="next", '
        b'<https://a.example/list?page=2&per_page=2&filter=a+b>; rel="last"'
    )
    assert last[b"link"] == b'<https://a.example/list?page=2&per_page=2>; rel="last"'
    assert empty[b"link"] == b'<https://a.example/list?page=1&per_page=2>; rel="last"'

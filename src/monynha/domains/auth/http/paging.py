"""Pages of admin lists: `page` and `per_page` of the query, and the headers by which clients find the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.protocols.http.response import Headers, encode_headers

_DEFAULT_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 1000
_MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is requested, beginning with 1, and how many items it may have."""

    number: int
    size: int

    @classmethod
    def parse(cls, query_params: Mapping[str, str]) -> PageRequest:
        """Return the page of a query; empty texts are the defaults, as official clients send them."""
        number = _parse_positive_number(query_params.get("page"), 1, _MAX_PAGE, "page")
        size = _parse_positive_number(query_params.get("per_page"), _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE, "per_page")
        return cls(number, size)

    def headers(self, list_url: str, *, total: int, **query: str) -> Headers:
        """Return `X-Total-Count`, and the `Link` (RFC 8288) with the next and the last page."""
        last_number = max(1, -(-total // self.size))

        def link(number: int, rel: str) -> str:
            # Official clients read the page number behind the first `=`, so it comes first.
            params = {"page": str(number), "per_page": str(self.size), **query}
            return f'<{list_url}?{urlencode(params)}>; rel="{rel}"'

        next_links = [link(self.number + 1, "next")] if self.number < last_number else []
        links = ", ".join([*next_links, link(last_number, "last")])
        return encode_headers(("X-Total-Count", str(total)), ("Link", links))


def _parse_positive_number(text: str | None, default: int, maximum: int, name: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise InvalidAuthRequestError(f"Bad Pagination Parameters: {name} must be a positive whole number")
    return min(int(text), maximum)

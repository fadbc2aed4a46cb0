"""Pages of lists in GoTrue's wire: `page` and `per_page`, answered with X-Total-Count and Link (RFC 8288)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, encode_headers

_DEFAULT_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 1000
_MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class RequestedPage:
    """A page, counted from 1, and how many rows it has."""

    number: int
    size: int


def parse_page(request: Request) -> RequestedPage:
    """Return the page that the query requests; raise InvalidAuthRequestError for what is no positive number."""
    params = request.query_params
    return RequestedPage(
        _parse_positive_number(params.get("page"), 1, _MAX_PAGE, "page"),
        _parse_positive_number(params.get("per_page"), _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE, "per_page"),
    )


def paging_headers(url: str, page: RequestedPage, total: int, query: Mapping[str, str]) -> Headers:
    """Return the headers with the number of rows and the links to the next and the last page."""
    last_page = max(1, -(-total // page.size))

    def link(number: int, rel: str) -> str:
        # Official clients read the page number behind the first `=`, so it comes first.
        return f'<{url}?{urlencode({"page": str(number), "per_page": str(page.size), **query})}>; rel="{rel}"'

    next_links = [link(page.number + 1, "next")] if page.number < last_page else []
    links = ", ".join([*next_links, link(last_page, "last")])
    return encode_headers(("X-Total-Count", str(total)), ("Link", links))


def _parse_positive_number(text: str | None, default: int, maximum: int, name: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise InvalidAuthRequestError(f"Bad Pagination Parameters: {name} must be a positive whole number")
    return min(int(text), maximum)

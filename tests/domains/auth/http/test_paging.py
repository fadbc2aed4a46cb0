"""Pages of GoTrue's lists: what is requested, and the links of the answer."""

from __future__ import annotations

import pytest

from monynha.domains.auth.http.paging import PageRequest
from tests.domains.auth.conftest import AuthApp

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("page", "total", "link"),
    [
        (1, 0, '<u?page=1&per_page=2>; rel="last"'),
        (1, 2, '<u?page=1&per_page=2>; rel="last"'),
        (1, 3, '<u?page=2&per_page=2>; rel="next", <u?page=2&per_page=2>; rel="last"'),
        (2, 5, '<u?page=3&per_page=2>; rel="next", <u?page=3&per_page=2>; rel="last"'),
        (9, 5, '<u?page=3&per_page=2>; rel="last"'),
    ],
)
def test_the_next_and_the_last_page_are_linked(page: int, total: int, link: str) -> None:
    headers = dict(PageRequest(page, 2).headers("u", total=total))

    assert headers == {b"x-total-count": str(total).encode(), b"link": link.encode()}


def test_the_filter_is_part_of_the_link_and_cannot_leave_it() -> None:
    headers = dict(PageRequest(1, 2).headers("u", total=0, query='author:a>; rel="next"\r\nx: y'))

    assert headers[b"link"] == (
        b'<u?page=1&per_page=2&query=author%3Aa%3E%3B+rel%3D%22next%22%0D%0Ax%3A+y>; rel="last"'
    )


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "per_page=0", "per_page=1e3", "page=9999999999"])
@pytest.mark.parametrize("path", ["/admin/users", "/admin/audit"])
async def test_what_is_no_page_is_refused(auth_app: AuthApp, path: str, query: str) -> None:
    response = await auth_app.get(f"{path}?{query}", auth_app.service_key)

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
    assert query.partition("=")[0] in response.json()["msg"]

"""Conditional and partial requests: what of a stored body answers them (RFC 9110 §13, §14)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from monynha.protocols.http.representation import Representation, Selection, content_range, select
from monynha.protocols.http.request import HttpScope, Request

BODY = Representation('"v1"', 1000, datetime(2026, 11, 27, 12, 30, 15, 500_000, tzinfo=UTC))
WHOLE = Selection(200, 0, 1000)
NOT_MODIFIED = Selection(304, 0, 0)
UNSATISFIABLE = Selection(416, 0, 0)


def request_with(**headers: str) -> Request:
    """Return a request with headers."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = cast(HttpScope, {"method": "GET", "path": "/", "headers": pairs})  # all that is read of it

    async def receive() -> Any:
        raise AssertionError

    return Request(scope, receive, client_ip="")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-0", Selection(206, 0, 1)),
        ("bytes=10-19", Selection(206, 10, 20)),
        ("bytes=990-", Selection(206, 990, 1000)),
        ("bytes=990-5000", Selection(206, 990, 1000)),
        ("bytes=-10", Selection(206, 990, 1000)),
        ("bytes=-5000", Selection(206, 0, 1000)),
        ("bytes=1000-", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        # Malformed ranges, other units and several ranges are ignored.
        ("bytes=20-10", WHOLE),
        ("bytes=", WHOLE),
        ("bytes=a-b", WHOLE),
        ("lines=0-1", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("bytes=" + ",".join(f"{start}-" for start in range(5000)), WHOLE),
        ("bytes=" + "9" * 5000 + "-", WHOLE),
    ],
)
def test_range_selects_bytes(value: str, expected: Selection) -> None:
    assert select(request_with(range=value), BODY) == expected


def test_no_range_of_an_empty_body_is_satisfiable() -> None:
    empty = Representation('"v1"', 0, BODY.modified_at)

    assert [select(request_with(range=value), empty).status for value in ("bytes=0-", "bytes=-1")] == [416, 416]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"if_none_match": '"v1"'}, NOT_MODIFIED),
        ({"if_none_match": '"v0", W/"v1"'}, NOT_MODIFIED),
        ({"if_none_match": "*"}, NOT_MODIFIED),
        ({"if_none_match": '"v2"'}, WHOLE),
        ({"if_none_match": '"v2"', "if_modified_since": "Fri, 27 Nov 2026 13:00:00 GMT"}, WHOLE),
        ({"if_modified_since": "Fri, 27 Nov 2026 12:30:15 GMT"}, NOT_MODIFIED),
        ({"if_modified_since": "Fri, 27 Nov 2026 12:30:14 GMT"}, WHOLE),
        ({"if_modified_since": "yesterday"}, WHOLE),
        ({"if_none_match": '"v1"', "range": "bytes=0-1"}, NOT_MODIFIED),
        ({"if_range": '"v1"', "range": "bytes=0-1"}, Selection(206, 0, 2)),
        ({"if_range": '"v2"', "range": "bytes=0-1"}, WHOLE),
        ({"if_range": "Fri, 27 Nov 2026 12:30:15 GMT", "range": "bytes=0-1"}, Selection(206, 0, 2)),
        ({"if_range": "Fri, 27 Nov 2026 12:30:14 GMT", "range": "bytes=0-1"}, WHOLE),
    ],
)
def test_conditions_are_evaluated_before_the_range(headers: dict[str, str], expected: Selection) -> None:
    assert select(request_with(**headers), BODY) == expected


def test_content_range_names_the_bytes_and_the_size() -> None:
    assert content_range(Selection(206, 5, 10), 1000) == "bytes 5-9/1000"
    assert content_range(UNSATISFIABLE, 1000) == "bytes */1000"

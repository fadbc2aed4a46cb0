"""The request context: of the request that is being handled, and of no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from monynha.core.request_context import (
    RequestContext,
    current_request,
    current_write,
    reset_request_source,
    set_request_source,
    stored_user_agent,
)

pytestmark = pytest.mark.anyio


@dataclass
class CountedSource:
    """A request that counts how often its context is read."""

    ip: str
    is_read: bool = False
    count: int = 0

    def context(self) -> RequestContext:
        """Return the context."""
        self.count += 1
        return RequestContext(self.ip)


async def test_each_task_has_its_own_request() -> None:
    async def handle(ip: str) -> str:
        token = set_request_source(CountedSource(ip))
        await asyncio.sleep(0)
        request = current_request()
        reset_request_source(token)
        assert request is not None
        return request.ip

    ips = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]

    assert await asyncio.gather(*map(handle, ips)) == ips
    assert current_request() is None


def test_a_context_that_nobody_needs_is_never_built() -> None:
    source = CountedSource("192.0.2.1", is_read=True)
    token = set_request_source(source)
    try:
        assert current_write() is None
        assert source.count == 0
        assert current_request() == RequestContext("192.0.2.1")
    finally:
        reset_request_source(token)


@pytest.mark.parametrize(
    ("header", "stored"), [(None, ""), ("", ""), ("a\x00b", "ab"), ("x" * 501, "x" * 500), ("é", "é")]
)
def test_a_user_agent_is_stored_short_and_without_nul(header: str | None, stored: str) -> None:
    assert stored_user_agent(header) == stored

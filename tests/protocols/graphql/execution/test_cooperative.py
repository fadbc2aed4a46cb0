"""The largest documents do not hold up other requests, even when they are not cached."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest
from graphql import parse

from monynha.app.composition.graphql import full_schema
from monynha.protocols.graphql.execution.document import (
    DocumentLoader,
)
from tests.protocols.graphql.large_documents import LARGE_DOCUMENTS, LargeDocument
from tests.protocols.graphql.requests import execute
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

REFERENCE_FIELDS = 4_000

MAX_BLOCKED = 3.0
"""How long a document may block the loop, in units of `reference_s`. Without cooperative parsing some need eight."""


def reference_s() -> float:
    """Return the processor time of a fixed piece of parsing, which took 0.05 s where the limit was measured.

    Processor time, and a ratio: other programs and a slow machine make no difference.
    """
    source, durations_s = "{" + " field" * REFERENCE_FIELDS + "}", []
    for _ in range(3):
        started_at = time.thread_time()
        parse(source, no_location=True)
        durations_s.append(time.thread_time() - started_at)
    return min(durations_s)


async def _longest_block(user: ApiUser, large: LargeDocument) -> float:
    gaps = [0.0]

    async def tick() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    try:
        await execute(user, large.text, large.variables)
        await asyncio.sleep(0.002)
    finally:
        ticking.cancel()
    return max(gaps)


@pytest.mark.parametrize("name", LARGE_DOCUMENTS)
async def test_no_document_blocks_the_event_loop(user: ApiUser, name: str) -> None:
    project = (await user.create_project())["id"]

    # The best of four, since garbage collection takes time too.
    gaps = [await _longest_block(user, LARGE_DOCUMENTS[name].with_new_text(number, project)) for number in range(4)]

    unit_s = reference_s()
    assert min(gaps) < MAX_BLOCKED * unit_s, (gaps, unit_s)


async def test_short_document_does_not_wait_for_long_ones(user: ApiUser) -> None:
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    large = [
        asyncio.create_task(documents.load(LARGE_DOCUMENTS["all filters"].with_new_text(n, "").text)) for n in range(5)
    ]
    await asyncio.sleep(0)

    await documents.load("{ users { id } }")

    assert not any(load.done() for load in large)
    await asyncio.gather(*large)


async def test_users_take_turns_with_long_documents(users: UserFactory) -> None:
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    busy, other = (await users.create()).id, (await users.create()).id
    done: list[str] = []

    async def read(actor_id: UUID, number: int) -> None:
        await documents.load(LARGE_DOCUMENTS["all filters"].with_new_text(number, "").text, actor_id)
        done.append("busy" if actor_id == busy else "other")

    tasks = [asyncio.create_task(read(busy, number)) for number in range(4)]
    await asyncio.sleep(0.001)
    await read(other, 9)
    await asyncio.gather(*tasks)

    assert done.index("other") < 2

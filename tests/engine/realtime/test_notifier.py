"""After a commit the hubs of all processes learn which streams it wrote to, in one message per batch."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.engine.realtime.event_log import EventLog, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.notifier import CommitNotifier
from monynha.engine.realtime.stream_authorization import StreamAuthorizer
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.stream_version import StreamVersion
from tests.conditions import wait_until

pytestmark = pytest.mark.anyio

FIRST, SECOND = Stream("project", UUID(int=1)), Stream("user", UUID(int=2))


class Process:
    """A process as far as commits are concerned: its hub, its notifier, and what it published."""

    def __init__(self, database: Database, authorizer: StreamAuthorizer) -> None:
        self.hub = Hub(EventLog(database), authorizer)
        self.published: list[bytes] = []
        self.notifier = CommitNotifier(self.published.append, self.hub)
        self.notified: list[Stream] = []
        self.hub.observe_new_streams(self)

    def on_new_stream(self, stream: Stream) -> None:
        self.notified.append(stream)


async def test_own_hub_is_notified_at_once_and_others_in_a_single_message(
    database: Database, authorizer: StreamAuthorizer
) -> None:
    writer, reader = Process(database, authorizer), Process(database, authorizer)

    writer.notifier.on_commit([StreamVersion(*FIRST, 7)])
    writer.notifier.on_commit([StreamVersion(*FIRST, 8), StreamVersion(*SECOND, None)])
    notified_at_once = list(writer.notified)
    await wait_until(lambda: bool(writer.published))
    [message] = writer.published
    for process in (writer, reader):
        process.notifier.on_published(message)

    assert notified_at_once == [FIRST, FIRST, SECOND]
    assert writer.notified == notified_at_once
    assert reader.notified == [FIRST, SECOND]

"""Subscribing to all streams of a kind: those of later memberships, and resuming after access has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

import pytest

from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.hub import Hub
from monynha.engine.realtime.multi_stream import MultiStreamSubscriber, WantedStreams
from monynha.infra.postgres.database import Database
from tests.live_server import TIMEOUT_S
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


class FreeSink:
    """A sink that is never full."""

    is_full = False

    async def drain(self) -> None:
        """Return at once."""

    def disconnect(self) -> None:
        """Do nothing."""


class Recorded:
    """A subscriber to streams of the user, and the events that it passed on."""

    def __init__(
        self,
        hub: Hub,
        database: Database,
        user: ApiUser,
        wanted: WantedStreams,
        resume_from: Mapping[Stream, int] | None = None,
    ) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.subscriber = MultiStreamSubscriber(
            hub,
            database.as_actor(user.actor),
            wanted,
            FreeSink(),
            on_event=self.events.put_nowait,
            on_session_end=lambda: None,
            resume_from=resume_from,
        )

    async def next_event(self) -> Event:
        """Return the next event."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.events.get()


async def test_project_that_is_joined_later_is_included(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    member = await users.create("Bob")
    project = await user.create_project()
    recorded = Recorded(hub, database, member, {"project": None})
    await recorded.subscriber.start()
    recorded.subscriber.activate()

    await user.create(f"/projects/{project['id']}/members", {"userId": str(member.id)})
    event = await recorded.next_event()
    recorded.subscriber.stop()

    assert (event.resource, event.verb) == ("members", "insert")
    assert event.stream == Stream("project", UUID(project["id"]))


async def test_only_wanted_ids_are_subscribed(hub: Hub, database: Database, user: ApiUser) -> None:
    wanted = Stream("project", UUID((await user.create_project())["id"]))
    other = Stream("project", UUID((await user.create_project())["id"]))
    recorded = Recorded(hub, database, user, {"project": frozenset({wanted.id})})

    await recorded.subscriber.start()

    assert wanted in recorded.subscriber.versions
    assert other not in recorded.subscriber.versions
    recorded.subscriber.stop()


async def test_resuming_is_incomplete_where_access_has_ended(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    await user.delete(f"/projects/{project['id']}/members/{member.id}")
    resume_from = {Stream("project", UUID(project["id"])): 2, Stream("user", member.id): 0}

    recorded = Recorded(hub, database, member, {"project": None}, resume_from)
    await recorded.subscriber.start()

    assert not recorded.subscriber.is_complete
    recorded.subscriber.stop()


async def test_missed_events_come_first(hub: Hub, database: Database, user: ApiUser) -> None:
    project = await user.create_project()
    stream = Stream("project", UUID(project["id"]))
    task = await user.create_task(project)

    recorded = Recorded(
        hub, database, user, {"project": frozenset({stream.id})}, {stream: 2, Stream("user", user.id): 0}
    )
    await recorded.subscriber.start()
    recorded.subscriber.activate()
    event = await recorded.next_event()
    recorded.subscriber.stop()

    assert (event.version, str(event.row_id)) == (3, task["id"])
    assert recorded.subscriber.versions[stream] == 3

"""The hub: who may subscribe, what is replayed and delivered, and how access and sessions end."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from monynha.core.errors import NotFoundError
from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.postgres.database import Database
from tests.engine.realtime.conftest import RecordingSubscriber
from tests.live_server import TIMEOUT_S
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_outsider_cannot_subscribe_and_leaves_nothing_behind(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    stream = Stream("project", UUID((await user.create_project())["id"]))
    outsider = await users.create("Eve")
    subscriber = RecordingSubscriber(outsider.actor)

    with pytest.raises(NotFoundError):
        await hub.subscribe(database.as_actor(outsider.actor), stream, subscriber)

    assert not hub.is_subscribed(stream, subscriber)


async def test_replay_comes_before_new_events_without_gap_or_repetition(
    hub: Hub, database: Database, user: ApiUser
) -> None:
    project = await user.create_project()
    stream = Stream("project", UUID(project["id"]))
    await user.create_task(project)
    subscriber = RecordingSubscriber(user.actor)

    subscription = await hub.subscribe(database.as_actor(user.actor), stream, subscriber, since=1)
    await user.create_task(project)
    hub.notify([stream])
    subscription.activate()

    assert subscription.is_complete
    assert await subscriber.wait_for_events(3) == [2, 3, 4]


async def test_version_that_the_log_never_had_cannot_be_resumed(hub: Hub, database: Database, user: ApiUser) -> None:
    stream = Stream("project", UUID((await user.create_project())["id"]))

    subscription = await hub.subscribe(
        database.as_actor(user.actor), stream, RecordingSubscriber(user.actor), since=1_000
    )

    assert not subscription.is_complete


async def test_nothing_is_delivered_after_unsubscribing(hub: Hub, database: Database, user: ApiUser) -> None:
    project = await user.create_project()
    stream = Stream("project", UUID(project["id"]))
    leaver, stayer = RecordingSubscriber(user.actor), RecordingSubscriber(user.actor)
    for subscriber in (leaver, stayer):
        (await hub.subscribe(database.as_actor(user.actor), stream, subscriber)).activate()

    hub.unsubscribe(stream, leaver)
    await user.create_task(project)
    hub.notify([stream])

    assert await stayer.wait_for_events(1) == [3]
    assert leaver.events == []


async def test_removed_member_loses_the_subscription_at_the_event_of_the_removal(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    stream = Stream("project", UUID(project["id"]))
    member = await users.create_member(project, user, "member")
    subscriber = RecordingSubscriber(member.actor)
    (await hub.subscribe(database.as_actor(member.actor), stream, subscriber)).activate()

    await user.delete(f"/projects/{project['id']}/members/{member.id}")
    await user.create_task(project)
    hub.notify([stream])
    async with asyncio.timeout(TIMEOUT_S):
        while not subscriber.revoked:
            await subscriber.wait_for_change()

    assert subscriber.revoked == [stream]
    assert [(event.resource, event.verb) for event in subscriber.events] == [("members", "delete")]
    assert not hub.is_subscribed(stream, subscriber)


async def test_end_of_a_session_is_reported_to_its_subscribers_only(
    hub: Hub, database: Database, users: UserFactory, user: ApiUser
) -> None:
    stream = hub.authorizer.user_stream(user.actor)
    assert stream is not None
    subscriber = RecordingSubscriber(user.actor)
    (await hub.subscribe(database.as_actor(user.actor), stream, subscriber)).activate()

    await users.end_session(user)
    hub.notify([stream])
    await subscriber.wait_for_change()

    assert (subscriber.ended_sessions, subscriber.events) == (1, [])


async def test_observer_learns_of_a_stream_without_subscribers(hub: Hub, user: ApiUser) -> None:
    observed: asyncio.Queue[Stream] = asyncio.Queue()

    class Observer:
        def on_new_stream(self, stream: Stream) -> None:
            observed.put_nowait(stream)

    observer = Observer()
    hub.observe_new_streams(observer)
    stream = Stream("project", UUID((await user.create_project())["id"]))
    async with asyncio.timeout(TIMEOUT_S):
        while await observed.get() != stream:
            pass
    hub.stop_observing_new_streams(observer)
    hub.notify([stream])

    assert observed.empty() or stream not in [observed.get_nowait() for _ in range(observed.qsize())]


async def test_observer_of_one_kind_learns_of_no_other(hub: Hub) -> None:
    observed: list[Stream] = []

    class Observer:
        def on_new_stream(self, stream: Stream) -> None:
            observed.append(stream)

    hub.observe_new_streams(Observer(), kind="jobs")
    hub.notify([Stream("project", uuid4()), Stream("jobs", UUID(int=0))])

    assert observed == [Stream("jobs", UUID(int=0))]


async def test_subscribing_twice_is_an_error(hub: Hub, database: Database, user: ApiUser) -> None:
    stream = Stream("project", UUID((await user.create_project())["id"]))
    subscriber = RecordingSubscriber(user.actor)
    await hub.subscribe(database.as_actor(user.actor), stream, subscriber)

    with pytest.raises(RuntimeError, match="once"):
        await hub.subscribe(database.as_actor(user.actor), stream, subscriber)

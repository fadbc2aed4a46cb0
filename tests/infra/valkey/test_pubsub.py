"""Subscriptions: messages arrive while Valkey runs, and again after it was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from monynha.infra.valkey import PubSub, ValkeyClient
from tests.conditions import TIMEOUT_S
from tests.infra.valkey.conftest import ValkeyServer


class Recorder:
    """Records the messages of one channel, and how often the subscription was established."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.connect_count = 0

    def on_connect(self) -> None:
        self.connect_count += 1

    async def wait_for(self, *, connects: int = 0, messages: int = 0) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while self.connect_count < connects or len(self.messages) < messages:
                await asyncio.sleep(0.01)


@pytest.fixture
async def recorder(valkey_server: ValkeyServer) -> AsyncIterator[Recorder]:
    """Return a recorder of the channel `news`, which is subscribed."""
    recorder = Recorder()
    pubsub = PubSub(valkey_server.url)
    pubsub.subscribe({"news": recorder.messages.append, "other": lambda _: None}, on_connect=recorder.on_connect)
    await recorder.wait_for(connects=1)
    yield recorder
    await pubsub.close()


async def publish(url: str, *messages: str) -> None:
    valkey = await ValkeyClient.open(url)
    for message in messages:
        valkey.publish("news", message.encode())
    await valkey.execute("PING")
    await valkey.close()


async def test_messages_of_a_channel_arrive_in_order(valkey_server: ValkeyServer, recorder: Recorder) -> None:
    await publish(valkey_server.url, "first", "second")

    await recorder.wait_for(messages=2)
    assert recorder.messages == [b"first", b"second"]


async def test_other_databases_of_the_server_are_not_heard(valkey_server: ValkeyServer, recorder: Recorder) -> None:
    await publish(valkey_server.url.replace("db=3", "db=4"), "of database 4")
    await publish(valkey_server.url, "of database 3")

    await recorder.wait_for(messages=1)
    assert recorder.messages == [b"of database 3"]


async def test_channels_are_subscribed_again_after_the_server_was_away(
    valkey_server: ValkeyServer, recorder: Recorder
) -> None:
    valkey_server.stop()
    await valkey_server.start()
    await recorder.wait_for(connects=2)
    await publish(valkey_server.url, "after the restart")

    await recorder.wait_for(messages=1)
    assert recorder.messages == [b"after the restart"]

"""The client of Valkey: order, pipelines, and what happens when the server goes away."""

from __future__ import annotations

import asyncio
import signal
import time

import hiredis
import pytest

from monynha.core.errors import SettingsError
from monynha.infra.valkey import Script, ValkeyClient, ValkeyUnavailableError
from monynha.infra.valkey.client import ValkeyAddress
from tests.infra.valkey.conftest import ValkeyServer


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://example:7000/2", ValkeyAddress("example", 7000, database=2)),
        ("redis://", ValkeyAddress()),
        ("rediss://u:p%40@h", ValkeyAddress("h", user="u", password="p@", is_encrypted=True)),
        ("valkey://:p@h/", ValkeyAddress("h", password="p")),
        ("unix:///a%20b.sock?db=4&password=x", ValkeyAddress(socket="/a b.sock", password="x", database=4)),
        ("redis://[::1]:1", ValkeyAddress("::1", 1)),
    ],
)
def test_a_url_says_where_valkey_is(url: str, place: ValkeyAddress) -> None:
    assert ValkeyAddress.parse(url) == place


@pytest.mark.parametrize("url", ["redis://h/x", "redis://h:99999", "unix:///a?db=x"])
def test_a_url_that_says_nothing_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        ValkeyAddress.parse(url)


async def test_answers_come_to_those_who_asked(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)

    answers = await asyncio.gather(*(valkey.execute("ECHO", str(n)) for n in range(1000)))

    assert answers == [str(n).encode() for n in range(1000)]
    assert await valkey.execute("CLIENT", "INFO")
    assert b"db=3" in await valkey.execute("CLIENT", "INFO")
    await valkey.close()


async def test_an_error_is_raised_at_who_made_it_and_hurts_nobody_else(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)

    wrong, right = await asyncio.gather(valkey.execute("NONSENSE"), valkey.execute("PING"), return_exceptions=True)

    assert isinstance(wrong, hiredis.ReplyError)
    assert right == b"PONG"
    await valkey.close()


async def test_who_gives_up_waiting_takes_no_ones_answer(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    first = asyncio.ensure_future(valkey.execute("ECHO", "first"))
    second = asyncio.ensure_future(valkey.execute("ECHO", "second"))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == b"second"
    assert await valkey.execute("ECHO", "third") == b"third"
    await valkey.close()


async def test_a_wrong_password_is_the_same_as_no_valkey(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(f"unix://:wrong@{own_valkey.socket}")

    assert not valkey.is_connected
    with pytest.raises(ValkeyUnavailableError):
        await valkey.execute("PING")
    await valkey.close()


async def test_a_valkey_that_is_away_is_told_at_once_and_taken_up_again(
    own_valkey: ValkeyServer,
) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    assert await valkey.execute("PING") == b"PONG"
    own_valkey.stop()
    await asyncio.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(ValkeyUnavailableError):
        await valkey.execute("PING")
    assert time.monotonic() - started < 0.1

    await own_valkey.start()
    for _ in range(300):
        if valkey.is_connected:
            break
        await asyncio.sleep(0.01)
    assert await valkey.execute("PING") == b"PONG"
    await valkey.close()


async def test_a_valkey_that_hangs_does_not_hang_us(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    own_valkey.signal(signal.SIGSTOP)

    started = time.monotonic()
    outcomes = await asyncio.gather(*(valkey.execute("PING") for _ in range(20)), return_exceptions=True)
    took = time.monotonic() - started
    own_valkey.signal(signal.SIGCONT)

    assert all(isinstance(each, ValkeyUnavailableError) for each in outcomes)
    assert took < 3
    await valkey.close()


async def test_a_script_runs_also_after_the_server_forgot_it(own_valkey: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(own_valkey.url)
    script = Script.from_text("return {KEYS[1], ARGV[1]}")

    assert await valkey.run_script(script, ["k"], ["a"]) == [b"k", b"a"]
    await valkey.execute("SCRIPT", "FLUSH")
    assert await valkey.run_script(script, ["k"], ["b"]) == [b"k", b"b"]
    await valkey.close()

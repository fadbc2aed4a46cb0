"""The Valkey client: order of replies, pipelining, and a server that goes away."""

from __future__ import annotations

import asyncio
import signal
import time

import hiredis
import pytest

from monynha.core.errors import SettingsError
from monynha.infra.valkey import Script, ValkeyClient, ValkeyUnavailableError
from monynha.infra.valkey.client import ValkeyAddress
from tests.conditions import SOON_S, wait_until
from tests.infra.valkey.conftest import ValkeyServer


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://example:7000/2", ValkeyAddress("example", 7000, database=2)),
        ("redis://", ValkeyAddress()),
        ("rediss://u:p%40@h", ValkeyAddress("h", user="u", password="p@", is_encrypted=True)),
        ("valkey://:p@h/", ValkeyAddress("h", password="p")),
        ("unix:///a%20b.sock?db=4&password=x", ValkeyAddress(socket="/a b.sock", password="x", database=4)),
        ("redis://[::1]:1", ValkeyAddress("::1", 1)),
    ],
)
def test_url_is_parsed_to_an_address(url: str, address: ValkeyAddress) -> None:
    assert ValkeyAddress.parse(url) == address


@pytest.mark.parametrize("url", ["redis://h/x", "redis://h:99999", "unix:///a?db=x"])
def test_invalid_url_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        ValkeyAddress.parse(url)


async def test_replies_match_their_commands(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)

    replies = await asyncio.gather(*(valkey.execute("ECHO", str(n)) for n in range(1000)))

    assert replies == [str(n).encode() for n in range(1000)]
    info = await valkey.execute("CLIENT", "INFO")
    assert isinstance(info, bytes)
    assert b"db=3" in info
    await valkey.close()


async def test_error_reply_is_raised_for_its_command_only(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)

    error, reply = await asyncio.gather(valkey.execute("NONSENSE"), valkey.execute("PING"), return_exceptions=True)

    assert isinstance(error, hiredis.ReplyError)
    assert reply == b"PONG"
    await valkey.close()


async def test_cancelled_command_does_not_shift_replies(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    first = asyncio.ensure_future(valkey.execute("ECHO", "first"))
    second = asyncio.ensure_future(valkey.execute("ECHO", "second"))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == b"second"
    assert await valkey.execute("ECHO", "third") == b"third"
    await valkey.close()


async def test_wrong_password_counts_as_unavailable(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(f"unix://:wrong@{valkey_server.socket}")

    assert not valkey.is_connected
    with pytest.raises(ValkeyUnavailableError):
        await valkey.execute("PING")
    await valkey.close()


async def test_stopped_server_is_reported_at_once_and_reconnected_to_later(
    valkey_server: ValkeyServer,
) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    assert await valkey.execute("PING") == b"PONG"
    valkey_server.stop()
    await wait_until(lambda: not valkey.is_connected)

    started = time.monotonic()
    with pytest.raises(ValkeyUnavailableError):
        await valkey.execute("PING")
    assert time.monotonic() - started < SOON_S

    await valkey_server.start()
    await wait_until(lambda: valkey.is_connected)
    assert await valkey.execute("PING") == b"PONG"
    await valkey.close()


async def test_frozen_server_does_not_block_callers(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    valkey_server.signal(signal.SIGSTOP)

    started = time.monotonic()
    results = await asyncio.gather(*(valkey.execute("PING") for _ in range(20)), return_exceptions=True)
    elapsed_s = time.monotonic() - started
    valkey_server.signal(signal.SIGCONT)

    assert all(isinstance(result, ValkeyUnavailableError) for result in results)
    assert elapsed_s < SOON_S
    await valkey.close()


async def test_script_runs_after_the_server_lost_its_cache(valkey_server: ValkeyServer) -> None:
    valkey = await ValkeyClient.open(valkey_server.url)
    script = Script.from_text("return {KEYS[1], ARGV[1]}")

    assert await valkey.run_script(script, ["k"], ["a"]) == [b"k", b"a"]
    await valkey.execute("SCRIPT", "FLUSH")
    assert await valkey.run_script(script, ["k"], ["b"]) == [b"k", b"b"]
    await valkey.close()

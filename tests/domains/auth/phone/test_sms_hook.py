"""The send-SMS hook: one message, signed, again where that may help, and never after its code has expired."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.core.clock import utc_now
from monynha.core.settings.settings import Settings
from monynha.domains.auth.phone.sms_hook import SmsHook
from monynha.domains.auth.phone.text_messages import SmsPayload
from monynha.infra.postgres.database import Database
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job_store import JobStore
from monynha.infra.webhook import sign
from tests.live_server import OwnerSql

SECRETS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@dataclass
class HookServer:
    """An operator's address, which answers as it is told."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
        head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    hook_server = HookServer()
    running = await asyncio.start_server(hook_server.serve, "127.0.0.1", 0)
    hook_server.url = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/send-sms"
    async with running:
        yield hook_server


@dataclass
class SmsQueue:
    """A queue of text messages that no other test uses."""

    database: Database
    owner_sql: OwnerSql
    hook: SmsHook
    name: str = field(default_factory=lambda: f"sms-{uuid4()}")

    async def enqueue(self, expires_at: datetime = NOW + timedelta(minutes=5)) -> UUID:
        data = {"otp": "483920", "expires_at": expires_at.isoformat(), "user": {"id": "1", "phone": "15551234567"}}
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            return await enqueue(transaction, self.name, SmsPayload("15551234567", data))

    async def work(self) -> Any:
        """Make one attempt at the message, and return its row."""
        await self.owner_sql("update monynha.jobs set run_at = now() where queue = $1", self.name)
        store = JobStore(self.database, uuid4())
        handler = dataclasses.replace(self.hook.handler(), queue=self.name)
        for job in await store.claim([self.name], 1, lease=timedelta(minutes=1)):
            outcome = await Attempt(job, handler, self.database, claimed_at=0).run()
            assert outcome is not None
            await store.record([outcome])
        [row] = await self.owner_sql("select * from monynha.jobs where queue = $1", self.name)
        return row


@pytest.fixture
def queue(database: Database, owner_sql: OwnerSql, settings: Settings, server: HookServer) -> SmsQueue:
    changed = dataclasses.replace(
        settings, sms_hook_url=server.url, sms_hook_secrets=tuple(f"whsec_{secret}" for secret in SECRETS)
    )
    return SmsQueue(database, owner_sql, SmsHook.from_settings(changed, lambda: NOW))


async def test_a_message_is_posted_in_the_form_of_the_wire(queue: SmsQueue, server: HookServer) -> None:
    job_id = await queue.enqueue()

    row = await queue.work()

    [(headers, body)] = server.requests
    timestamp_s = int(NOW.timestamp())
    assert row["state"] == "completed"
    assert json.loads(body) == {
        "user": {"id": "1", "phone": "15551234567"},
        "sms": {"otp": "483920", "phone": "15551234567", "sms_type": "sms"},
    }
    assert headers["webhook-id"] == str(job_id)
    assert headers["webhook-timestamp"] == str(timestamp_s)
    expected = [sign(base64.b64decode(secret), str(job_id), timestamp_s, body) for secret in SECRETS]
    assert headers["webhook-signature"] == " ".join(expected).lower()
    assert row["private_data"] is None


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (204, b"", "completed"),
        (202, b"taken", "completed"),
        (200, b'{"error": null}', "completed"),
        (200, b'{"error": {"http_code": 429, "message": "slow down"}}', "ready"),
        (200, b'{"error": {"http_code": 400, "message": "15551234567 is no number"}}', "dead"),
        (200, b'{"error": "text"}', "ready"),
        (429, b"", "ready"),
        (503, b"", "ready"),
        (500, b"", "ready"),
        (408, b"", "ready"),
        (400, b"", "dead"),
        (401, b"", "dead"),
        (404, b"", "dead"),
        (302, b"", "dead"),
    ],
)
async def test_the_answer_decides_about_another_attempt(
    queue: SmsQueue, server: HookServer, status: int, body: bytes, state: str
) -> None:
    server.status, server.body = status, body
    await queue.enqueue()

    row = await queue.work()

    assert row["state"] == state
    assert "15551234567" not in (row["last_error"] or "")
    assert "483920" not in (row["last_error"] or "")


async def test_another_attempt_has_the_same_id_so_that_nobody_gets_two_messages(
    queue: SmsQueue, server: HookServer
) -> None:
    server.status = 503
    await queue.enqueue()
    await queue.work()
    server.status = 200

    row = await queue.work()

    assert row["state"] == "completed"
    assert len({headers["webhook-id"] for headers, _ in server.requests}) == 1
    assert len(server.requests) == 2


async def test_after_three_attempts_the_message_is_given_up(queue: SmsQueue, server: HookServer) -> None:
    server.status = 503
    await queue.enqueue()

    states = [(await queue.work())["state"] for _ in range(3)]

    assert states == ["ready", "ready", "dead"]


async def test_an_expired_code_is_not_sent(queue: SmsQueue, server: HookServer) -> None:
    await queue.enqueue(expires_at=NOW)

    assert (await queue.work())["state"] == "dead"
    assert server.requests == []


async def test_without_the_setting_a_message_that_waits_is_given_up(
    database: Database, owner_sql: OwnerSql, settings: Settings
) -> None:
    queue = SmsQueue(database, owner_sql, SmsHook.from_settings(settings, lambda: NOW))
    await queue.enqueue()

    row = await queue.work()

    assert (row["state"], row["last_error"]) == ("dead", "MONYNHA_SMS_HOOK_URL is not set.")


async def test_a_slow_receiver_does_not_block_the_event_loop(queue: SmsQueue) -> None:
    ends, ended = asyncio.Event(), asyncio.Event()

    async def stall(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ends.wait()
        writer.close()
        ended.set()

    stalled = await asyncio.start_server(stall, "127.0.0.1", 0)
    webhook = queue.hook.webhook
    assert webhook is not None
    url = f"http://127.0.0.1:{stalled.sockets[0].getsockname()[1]}/"
    queue.hook = SmsHook(dataclasses.replace(webhook, url=url, timeout_s=0.3), utc_now)
    await queue.enqueue(expires_at=utc_now() + timedelta(minutes=5))
    working = asyncio.create_task(queue.work())
    ticks = 0
    while not working.done():
        await asyncio.sleep(0.01)
        ticks += 1

    assert ticks > 10
    assert (await working)["state"] == "ready"
    ends.set()
    await ended.wait()
    stalled.close()

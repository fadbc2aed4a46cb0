"""Webhooks: signed as Standard Webhooks says, bounded in time and size, and never sent elsewhere."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from monynha.infra.webhook import Webhook, WebhookUnreachableError, sign

KEY = b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_KEY = b"the next key of the rotation"


@dataclass
class Receiver:
    """A server that answers each request with the same bytes, or at its end if it is late."""

    answer: bytes
    is_late: bool = False
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
        self.requests.append(head + body)
        if self.is_late:
            await self.ends.wait()
        writer.write(self.answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.answered.set()


@asynccontextmanager
async def receiver(answer: bytes, *, is_late: bool = False) -> AsyncIterator[Receiver]:
    running = Receiver(answer, is_late)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send?token=x"
    async with server:
        yield running
        running.ends.set()
        if running.requests:
            await running.answered.wait()


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_signature_is_that_of_the_specification() -> None:
    # The example of the libraries that the authors of the specification publish.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_message_is_posted_with_the_headers_of_the_specification() -> None:
    async with receiver(response("200 OK", b"{}")) as running:
        answer = await Webhook(running.url, [KEY, NEXT_KEY]).post("id-1", 1614265330, b'{"a":1}')

    [request] = running.requests
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    signatures = request.split(b"webhook-signature: ")[1].split(b"\r\n")[0].split(b" ")
    assert head.startswith(b"POST /send?token=x HTTP/1.1")
    assert body == b'{"a":1}'
    assert (headers[b"webhook-id"], headers[b"webhook-timestamp"]) == (b"id-1", b"1614265330")
    assert headers[b"content-type"] == b"application/json"
    assert signatures == [sign(key, "id-1", 1614265330, body).encode() for key in (KEY, NEXT_KEY)]
    assert (answer.status, answer.body) == (200, b"{}")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with (
        receiver(response("200 OK")) as other,
        receiver(response("307 Temporary Redirect", b"", f"location: {other.url}")) as running,
    ):
        answer = await Webhook(running.url, [KEY]).post("id-1", 1, b"{}")

    assert answer.status == 307
    assert other.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response("200 OK", b"x" * 300_000), id="too large"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", id="cut off"),
        pytest.param(b"", id="closed"),
    ],
)
async def test_what_is_no_response_counts_as_unreachable(answer: bytes) -> None:
    async with receiver(answer) as running:
        with pytest.raises(WebhookUnreachableError) as failed:
            await Webhook(running.url, [KEY]).post("id-1", 1, b'{"otp": "123456"}')

    assert "123456" not in str(failed.value)
    assert "token=x" not in str(failed.value)


async def test_a_receiver_that_does_not_answer_in_time_counts_as_unreachable() -> None:
    async with receiver(response("200 OK"), is_late=True) as running:
        with pytest.raises(WebhookUnreachableError, match=r"within 0\.2 seconds"):
            await Webhook(running.url, [KEY], timeout_s=0.2).post("id-1", 1, b"{}")


async def test_a_port_where_nothing_listens_counts_as_unreachable() -> None:
    async with receiver(b"") as running:
        url = running.url
    with pytest.raises(WebhookUnreachableError):
        await Webhook(url, [KEY]).post("id-1", 1, b"{}")


def test_neither_the_address_nor_a_key_is_in_its_repr() -> None:
    text = repr(Webhook("https://sms.example.org/?token=secret", [KEY]))

    assert "secret" not in text
    assert KEY.decode() not in text

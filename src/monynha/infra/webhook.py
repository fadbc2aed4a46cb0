"""Webhooks: JSON posted to an address of the operator, signed as Standard Webhooks says.

The specification is that of https://www.standardwebhooks.com: the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`, and the signature `v1,<base64 of HMAC-SHA256>` over `id.timestamp.body`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

TIMEOUT_S: Final = 5.0
_MAX_RESPONSE_BYTES: Final = 200 * 1024


class WebhookUnreachableError(Exception):
    """No response came in time, or none that could be read; the text says why, without what was sent."""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The status and the body of a response."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Webhook:
    """An address with the keys that sign what is posted to it, each of which signs while they are being replaced."""

    url: str = field(repr=False)
    keys: Sequence[bytes] = field(repr=False)
    timeout_s: float = TIMEOUT_S

    async def post(self, id: str, timestamp_s: int, body: bytes) -> WebhookResponse:
        """Post the JSON and return the response, whatever its status; WebhookUnreachableError if there is none.

        `id` is the same for each attempt of one message, so that the receiver recognizes one that it has had.
        Redirects are not followed: the body is meant for this address.
        """
        import httpx  # 100 ms, which a start without webhooks saves

        headers = {
            "content-type": "application/json",
            "user-agent": "monynha",
            "webhook-id": id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": " ".join(sign(key, id, timestamp_s, body) for key in self.keys),
        }
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                httpx.AsyncClient(verify=_certificates(self.url), timeout=self.timeout_s) as client,
                client.stream("POST", self.url, headers=headers, content=body) as response,
            ):
                return WebhookResponse(response.status_code, await _read(response))
        except TimeoutError:
            raise WebhookUnreachableError(f"no response within {self.timeout_s:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise WebhookUnreachableError(f"the request failed ({type(error).__name__})") from None


def sign(key: bytes, id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of a message: `v1,` and the HMAC-SHA256 of id, time and body in base64."""
    signed = f"{id}.{timestamp_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _MAX_RESPONSE_BYTES:
            raise WebhookUnreachableError("the response is too large")
        chunks.append(chunk)
    return b"".join(chunks)


def _certificates(url: str) -> ssl.SSLContext | bool:
    return _trusted_certificates() if urlsplit(url).scheme == "https" else False


@cache
def _trusted_certificates() -> ssl.SSLContext:
    # Reading the certificates of the machine takes 20 ms.
    return ssl.create_default_context()

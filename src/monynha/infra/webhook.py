"""Webhooks: JSON posted to an address of the operator, signed as Standard Webhooks says.

The specification is that of https://www.standardwebhooks.com: the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`, and the signature `v1,<base64 of HMAC-SHA256>` over `id.timestamp.body`.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from monynha.infra.outgoing_http import OutgoingHttp, OutgoingRequestError

TIMEOUT_S: Final = 5.0
_MAX_RESPONSE_BYTES: Final = 200 * 1024


class WebhookUnreachableError(Exception):
    """No response came in time, or none that could be read; the text says why, without the address or what was sent."""


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
        """
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": " ".join(sign(key, id, timestamp_s, body) for key in self.keys),
        }
        http = OutgoingHttp(timeout_s=self.timeout_s, max_response_bytes=_MAX_RESPONSE_BYTES)
        try:
            return WebhookResponse(*await http.send("POST", self.url, headers, content=body))
        except OutgoingRequestError as error:
            # Its text has the address, which may hold a password.
            cause = error.__cause__
        if isinstance(cause, TimeoutError):
            raise WebhookUnreachableError(f"no response within {self.timeout_s:g} seconds")
        raise WebhookUnreachableError(f"the request failed ({type(cause).__name__})" if cause else "no usable response")


def sign(key: bytes, id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of a message: `v1,` and the HMAC-SHA256 of id, time and body in base64."""
    signed = f"{id}.{timestamp_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()

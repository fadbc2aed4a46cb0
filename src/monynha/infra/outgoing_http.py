"""Requests to servers of others: bounded in time and size, without redirects, and only by TLS where it matters."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 5.0
MAX_RESPONSE_BYTES = 512 * 1024


class OutgoingRequestError(Exception):
    """No usable response came; the message is for the log, and holds nothing that was sent or received."""


@dataclass(frozen=True, slots=True)
class JsonResponse:
    """The status of a response and its JSON body."""

    status: int
    body: object

    @property
    def fields(self) -> Mapping[str, object]:
        """The body, empty unless it is an object."""
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True)
class OutgoingHttp:
    """An HTTP client for the few requests that the program makes itself.

    Each request has a connection of its own. Certificates are those that the machine trusts, and proxies those of
    `HTTPS_PROXY`. Redirects are not followed: who answers is who was asked.
    """

    timeout_s: float = TIMEOUT_S
    max_response_bytes: int = MAX_RESPONSE_BYTES
    transport: httpx.AsyncBaseTransport | None = field(default=None, repr=False)
    """What sends requests instead of the network."""

    async def fetch_json(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> JsonResponse:
        """Send a request, with a form as its body, and return the JSON response, whatever its status.

        Raise OutgoingRequestError if there is none in time, or if it is too large or no JSON.
        """
        request_headers = {"accept": "application/json", **(headers or {})}
        status, raw = await self.send(method, url, request_headers, form=form)
        if 300 <= status < 400:
            raise OutgoingRequestError(f"{method} {_without_query(url)}: a redirect, which is not followed")
        try:
            return JsonResponse(status, orjson.loads(raw))
        except orjson.JSONDecodeError:
            raise OutgoingRequestError(f"{method} {_without_query(url)}: status {status} without JSON") from None

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response; OutgoingRequestError if there is none."""
        import httpx  # 100 ms, which a start without providers saves

        all_headers = {"user-agent": "monynha", "accept-encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                httpx.AsyncClient(
                    verify=_trusted_certificates(), timeout=self.timeout_s, transport=self.transport
                ) as client,
                client.stream(
                    method, url, headers=all_headers, data=form, content=content, follow_redirects=False
                ) as response,
            ):
                return response.status_code, await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise OutgoingRequestError(f"{method} {_without_query(url)}: {type(error).__name__}") from error

    async def _read(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        request = f"{response.request.method} {_without_query(str(response.url))}"
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # A few bytes could become gigabytes.
            raise OutgoingRequestError(f"{request}: a compressed response, which was not requested")
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self.max_response_bytes:
                raise OutgoingRequestError(f"{request}: the response is too large")
            chunks.append(chunk)
        return b"".join(chunks)


@cache
def _trusted_certificates() -> ssl.SSLContext:
    # Reading the certificates of the machine takes 20 ms.
    return ssl.create_default_context()


def _without_query(url: str) -> str:
    return url.partition("?")[0]

"""Deadlines: handlers that take too long are ended with 503, and reads whose client has left are ended too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.deadlines import RequestDeadlines
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route, RouteGroup, Router

pytestmark = pytest.mark.anyio


class Handlers:
    """A handler that waits until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.is_started = asyncio.Event()
        self.cancelled_count = 0

    async def wait(self, request: Request) -> Response:
        self.is_started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled_count += 1
            raise
        return json_response({})

    async def read_body(self, request: Request) -> Response:
        return json_response({"size": len(await request.body())})


def application(handlers: Handlers, *, read_s: float, write_s: float) -> HttpApplication:
    """Return an application with these deadlines."""
    routes = (
        Route("GET", "/", handlers.wait),
        Route("POST", "/", handlers.wait),
        Route("POST", "/body", handlers.read_body),
    )
    return HttpApplication(
        Router([RouteGroup("", routes)]), CorsPolicy(), deadlines=RequestDeadlines(read_s=read_s, write_s=write_s)
    )


def client_of(app: HttpApplication) -> httpx.AsyncClient:
    """Return a client of the application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://monynha.test")


@pytest.mark.parametrize(("method", "read_s", "write_s"), [("GET", 0.2, 60), ("POST", 60, 0.2)])
async def test_request_over_its_deadline_is_503_with_retry_after(method: str, read_s: float, write_s: float) -> None:
    handlers = Handlers()
    async with client_of(application(handlers, read_s=read_s, write_s=write_s)) as client, asyncio.timeout(20):
        response = await client.request(method, "/")
        again = asyncio.create_task(client.request("GET" if method == "POST" else "POST", "/"))
        # Three times the other deadline, which does not hold for this request.
        await asyncio.sleep(0.6)
        handlers.go_on.set()

        assert (await again).status_code == 200
    assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert "0.2 seconds" in response.json()["error"]["message"]
    assert int(response.headers["retry-after"]) > 0
    assert handlers.cancelled_count == 1


async def test_deadline_begins_with_the_last_byte_of_the_body() -> None:
    async def slow_body() -> object:
        for _ in range(4):
            yield b"x"
            await asyncio.sleep(0.6)

    async with client_of(application(Handlers(), read_s=2, write_s=2)) as client, asyncio.timeout(20):
        response = await client.post("/body", content=slow_body())  # type: ignore[arg-type]

    assert (response.status_code, response.json()) == (200, {"size": 4})


async def test_cancellation_by_somebody_else_goes_on() -> None:
    handlers = Handlers()
    async with client_of(application(handlers, read_s=60, write_s=60)) as client:
        request = asyncio.create_task(client.get("/"))
        await handlers.is_started.wait()
        request.cancel()

        with pytest.raises(asyncio.CancelledError):
            await request


@pytest.mark.parametrize(("method", "is_ended"), [("GET", True), ("POST", False)])
async def test_read_of_a_client_that_left_is_ended_and_a_write_is_not(method: str, is_ended: bool) -> None:
    handlers = Handlers()
    app = application(handlers, read_s=60, write_s=60)
    has_left = False
    sent: list[object] = []

    def is_disconnected() -> bool:
        return has_left

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope: dict[str, str | bytes | list[object] | Callable[[], bool] | None] = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [],
        "client": None,
        "is_disconnected": is_disconnected,
    }
    request = asyncio.create_task(app(scope, receive, send))
    await handlers.is_started.wait()
    has_left = True
    if is_ended:
        async with asyncio.timeout(20):
            await request
    else:
        # Reads are checked more often: nothing ends the write.
        await asyncio.sleep(0.6)
        assert not request.done()
        handlers.go_on.set()
        await request

    assert handlers.cancelled_count == int(is_ended)

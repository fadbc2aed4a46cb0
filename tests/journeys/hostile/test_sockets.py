"""One hostile WebSocket neither stops the others nor fills the memory."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import httpx
import pytest

from tests.journeys.program import SERVE, TIMEOUT_S, Program, run_program
from tests.protocols.http.server.test_websocket import HANDSHAKE
from tests.protocols.http.server.test_ws_frames import client_frame

PING = 0x9
MEGABYTE = 1_000_000
WINDOWS, WINDOW_S = 9, 0.2
NOTICEABLE_S = 0.2
"""What twice the time of an idle program may take at any rate: the least that can be told apart on a busy machine."""
WS_HANDSHAKE = HANDSHAKE.replace(b"GET / ", b"GET /ws ")
PINGS = client_frame(b"x", PING) * 20_000
MESSAGES = client_frame(b'{"type": "leave"}') * 5_000
LARGE_MESSAGES = client_frame(b'{"type": "auth", "x": [' + b"[1]," * 60_000 + b"1]}") * 2
BROKEN = client_frame(b"x", 0x3)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The whole program with the limits of production, whose request limits do not hold up the probe."""
    settings = {"LOG_LEVEL": "error", "MONYNHA_LIMIT_AUTH": "off", "MONYNHA_LIMIT_API": "off"}
    data_dir: Path = tmp_path_factory.mktemp("hostile")
    with run_program(data_dir, *SERVE, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def token(program: Program) -> str:
    """The access token of a user."""
    body = {"email": "attacker@example.com", "password": "a long password"}
    response = httpx.post(f"{program.url}/auth/v1/signup", json=body, timeout=10)
    access_token: str = response.json()["access_token"]
    return access_token


def open_socket(program: Program, handshake: bytes = WS_HANDSHAKE) -> socket.socket:
    """Return a TCP connection on which a WebSocket is open, or refused."""
    host, port = program.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
    connection.sendall(handshake)
    assert connection.recv(4096)
    return connection


def rss(program: Program) -> int:
    """Return the resident memory of the program's process in bytes."""
    return int(Path(f"/proc/{program.process.pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def sending(connection: socket.socket, data: bytes) -> Iterator[None]:
    """Send the data again and again meanwhile, as fast as the program reads, and read nothing."""
    is_stopping = False

    def send() -> None:
        with suppress(OSError):
            while not is_stopping:
                connection.sendall(data)

    connection.settimeout(1)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        is_stopping = True
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
        connection.close()


def slowest_read_s(program: Program, token: str) -> float:
    """Return how long the slowest of many API reads took, in the median of some windows.

    So a single pause of a busy machine does not count, and one in each window does.
    """
    slowest = []
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=program.url, timeout=TIMEOUT_S, headers=headers) as client:
        for _ in range(WINDOWS):
            durations: list[float] = []
            ends_at = time.monotonic() + WINDOW_S
            while not durations or time.monotonic() < ends_at:
                started_at = time.monotonic()
                assert client.get("/api/v1/users/me").status_code == 200
                durations.append(time.monotonic() - started_at)
            slowest.append(max(durations))
    return median(slowest)


@pytest.mark.parametrize("data", [PINGS, MESSAGES, LARGE_MESSAGES], ids=["pings", "messages", "large messages"])
@pytest.mark.parametrize("is_authenticated", [False, True], ids=["anonymous", "authenticated"])
def test_a_flood_holds_up_nobody(program: Program, token: str, data: bytes, is_authenticated: bool) -> None:
    idle_s = slowest_read_s(program, token)
    connection = open_socket(program)
    if is_authenticated:
        connection.sendall(client_frame(b'{"type": "auth", "token": "' + token.encode() + b'"}'))
        assert b"ready" in connection.recv(4096)

    with sending(connection, data):
        flooded_s = slowest_read_s(program, token)

    assert flooded_s < max(2 * idle_s, NOTICEABLE_S)


@pytest.mark.parametrize("data", [PINGS, BROKEN + bytes(200_000)], ids=["pings without reading", "broken frame"])
def test_a_socket_that_reads_nothing_does_not_fill_the_memory(program: Program, token: str, data: bytes) -> None:
    slowest_read_s(program, token)
    before = rss(program)
    connections = [open_socket(program) for _ in range(4)]

    def grown() -> int:
        return rss(program) - before

    with (
        sending(connections[0], data),
        sending(connections[1], data),
        sending(connections[2], data),
        sending(connections[3], data),
    ):
        ends_at = time.monotonic() + 2.5
        growth = 0
        while time.monotonic() < ends_at:
            growth = max(growth, grown())
            time.sleep(0.05)

    assert growth < 40 * MEGABYTE


def test_an_address_has_at_most_100_unauthenticated_sockets(program: Program, token: str) -> None:
    # Sockets of other tests may still be counted.
    wait_until(lambda: b"101 Switching" in read_handshake_answer(program))
    connections = [open_socket(program) for _ in range(100)]
    try:
        wait_until(lambda: b" 429 " in read_handshake_answer(program))

        connections[0].sendall(client_frame(b'{"type": "auth", "token": "' + token.encode() + b'"}'))

        wait_until(lambda: b"101 Switching" in read_handshake_answer(program))
    finally:
        for connection in connections:
            connection.close()


def read_handshake_answer(program: Program) -> bytes:
    """Return how a further socket is answered, and close it."""
    host, port = program.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as connection:
        connection.sendall(WS_HANDSHAKE)
        return connection.recv(4096)


def wait_until(is_fulfilled: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Wait for a condition."""
    ends_at = time.monotonic() + timeout_s
    while not is_fulfilled():
        assert time.monotonic() < ends_at
        time.sleep(0.05)

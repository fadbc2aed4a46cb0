"""The running program when its servers die, and when it is killed itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from monynha.infra.embedded.stale_processes import find_processes
from tests.journeys.program import SERVE, TIMEOUT_S, Program, run_program

# A restart listens on another port; the site address keeps the issuer of the tokens.
NO_LIMITS = {"MONYNHA_LIMIT_AUTH": "off", "MONYNHA_LIMIT_API": "off", "SITE_URL": "http://monynha.test"}
CREDENTIALS = {"email": "ada@example.com", "password": "a long secret"}


@dataclass
class SignedInUser:
    """A signed-in user, who opens a new connection for each request."""

    url: str
    token: str

    @classmethod
    def sign_up(cls, program: Program) -> SignedInUser:
        httpx.post(f"{program.url}/api/v1/users", json={"name": "Ada", **CREDENTIALS}, timeout=20).raise_for_status()
        return cls.sign_in(program)

    @classmethod
    def sign_in(cls, program: Program) -> SignedInUser:
        response = httpx.post(f"{program.url}/auth/v1/token?grant_type=password", json=CREDENTIALS, timeout=10)
        return cls(program.url, response.raise_for_status().json()["access_token"])

    def request(self, method: str, path: str, json: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.request(method, self.url + path, json=json, headers=headers, timeout=20)

    def create_project(self) -> str:
        return str(self.request("POST", "/api/v1/projects", {"name": "Plans"}).json()["data"]["id"])

    def task_ids(self, project: str) -> set[str]:
        """Return the id of every task, page by page."""
        path = f"/api/v1/projects/{project}/tasks?limit=100&fields=id"
        ids: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            page = self.request("GET", path + (f"&cursor={cursor}" if cursor else "")).json()
            ids |= {task["id"] for task in page["data"]}
            cursor = page["meta"]["nextCursor"]
        return ids


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with run_program(tmp_path, *SERVE, **NO_LIMITS) as program:
        yield program


def test_killed_database_is_503_until_it_is_back_and_loses_nothing(program: Program) -> None:
    user = SignedInUser.sign_up(program)
    project = user.create_project()
    os.kill(program.postmaster_pid(), signal.SIGKILL)

    failures: list[httpx.Response] = []
    deadline = time.monotonic() + TIMEOUT_S
    while (response := user.request("GET", f"/api/v1/projects/{project}")).status_code != 200 or not failures:
        assert time.monotonic() < deadline
        if response.status_code != 200:
            failures.append(response)

    assert {(failure.status_code, failure.json()["error"]["code"]) for failure in failures} == {(503, "UNAVAILABLE")}
    assert all(int(failure.headers["retry-after"]) > 0 for failure in failures)
    assert response.json()["data"]["id"] == project


def test_program_works_without_valkey_and_reports_it(program: Program) -> None:
    user = SignedInUser.sign_up(program)
    [valkey_pid] = find_processes(program.data_dir / "valkey", "valkey-server")
    os.kill(valkey_pid, signal.SIGSTOP)  # a killed one would be restarted at once
    try:
        created = user.request("POST", "/api/v1/projects", {"name": "Plans"})
        second_session = SignedInUser.sign_in(program)
        readiness = program.get("/readyz")
        signed_out = second_session.request("POST", "/auth/v1/logout?scope=global")
        after_sign_out = user.request("GET", "/api/v1/projects")
    finally:
        os.kill(valkey_pid, signal.SIGCONT)

    assert (created.status_code, signed_out.status_code, after_sign_out.status_code) == (201, 204, 401)
    assert (readiness.status_code, readiness.json()["degraded"]) == (200, ["valkey"])


def test_kill_under_concurrent_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    acknowledged: list[str] = []

    def write(user: SignedInUser, project: str) -> None:
        headers = {"authorization": f"Bearer {user.token}"}
        with httpx.Client(headers=headers, timeout=10) as client, suppress(httpx.TransportError):
            while True:
                response = client.post(f"{user.url}/api/v1/projects/{project}/tasks", json={"title": "A task"})
                if response.status_code == 201:
                    acknowledged.append(response.json()["data"]["id"])

    with run_program(tmp_path, *SERVE, MONYNHA_WORKERS="2", **NO_LIMITS) as program:
        user = SignedInUser.sign_up(program)
        project = user.create_project()
        writers = [threading.Thread(target=write, args=(user, project)) for _ in range(8)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + TIMEOUT_S
        while len(acknowledged) < 100:  # so that all writers are at work
            assert time.monotonic() < deadline
            time.sleep(0.01)
        program.kill_group()
        for writer in writers:
            writer.join()

    with run_program(tmp_path, *SERVE, **NO_LIMITS) as program:
        user = SignedInUser(program.url, user.token)
        stored = user.task_ids(project)

    assert set(acknowledged) - stored == set()


def test_requests_in_flight_are_answered_before_a_stop(tmp_path: Path) -> None:
    with run_program(tmp_path, *SERVE, **NO_LIMITS) as program, ExitStack() as stack:
        address = ("127.0.0.1", int(program.url.rsplit(":", 1)[1]))
        connections = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(12)]
        for number, connection in enumerate(connections):
            connection.sendall(_sign_up(number))
        connections[0].recv(1, socket.MSG_PEEK)  # the first password is hashed, the others are waiting
        program.process.send_signal(signal.SIGTERM)
        status_lines = [line.makefile("rb").readline() for line in connections]
        exit_code = program.process.wait(TIMEOUT_S)

    assert set(status_lines) == {b"HTTP/1.1 201 Created\r\n"}
    assert exit_code == 0


def _sign_up(index: int) -> bytes:
    body = json.dumps({"name": "Ada", "email": f"ada{index}@example.com", "password": "a long secret"})
    head = "POST /api/v1/users HTTP/1.1\r\nhost: monynha.test\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


def test_sign_out_at_one_worker_holds_at_the_other(tmp_path: Path) -> None:
    with run_program(tmp_path, *SERVE, MONYNHA_WORKERS="2", **NO_LIMITS) as program:
        user = SignedInUser.sign_up(program)
        # Each request has a connection of its own, which the kernel gives to either worker.
        before = {user.request("GET", "/api/v1/users/me").status_code for _ in range(12)}
        user.request("POST", "/auth/v1/logout?scope=local")
        after = {user.request("GET", "/api/v1/users/me").status_code for _ in range(24)}

    assert (before, after) == ({200}, {401})

"""What the running program makes of servers that die under it, and of being killed itself."""

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

from monynha.infra.embedded.leftovers import processes_in
from tests.journeys.program import PATIENCE_S, SERVE, Program, running

NO_LIMITS = {"MONYNHA_LIMIT_AUTH": "off", "MONYNHA_LIMIT_API": "off"}
ADA = {"email": "ada@example.com", "password": "a long secret"}


@dataclass
class Ada:
    """Somebody signed in to the running program, who asks on a new connection each time."""

    url: str
    token: str

    @classmethod
    def sign_up(cls, program: Program) -> Ada:
        httpx.post(f"{program.url}/api/v1/users", json={"name": "Ada", **ADA}).raise_for_status()
        return cls.sign_in(program)

    @classmethod
    def sign_in(cls, program: Program) -> Ada:
        answer = httpx.post(f"{program.url}/auth/v1/token?grant_type=password", json=ADA, timeout=10)
        return cls(program.url, answer.raise_for_status().json()["access_token"])

    def ask(self, method: str, path: str, json: Any = None) -> httpx.Response:
        known = {"authorization": f"Bearer {self.token}"}
        return httpx.request(method, self.url + path, json=json, headers=known, timeout=20)

    def project(self) -> str:
        return str(self.ask("POST", "/api/v1/projects", {"name": "Plans"}).json()["data"]["id"])

    def all_tasks(self, project: str) -> set[str]:
        """Return the id of every task, page by page."""
        path = f"/api/v1/projects/{project}/tasks?limit=100&fields=id"
        seen: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            page = self.ask("GET", path + (f"&cursor={cursor}" if cursor else "")).json()
            seen |= {task["id"] for task in page["data"]}
            cursor = page["meta"]["nextCursor"]
        return seen


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with running(tmp_path, *SERVE, **NO_LIMITS) as found:
        yield found


def test_while_a_killed_database_comes_back_it_is_said_and_nothing_is_forgotten(program: Program) -> None:
    ada = Ada.sign_up(program)
    project = ada.project()
    os.kill(program.postmaster(), signal.SIGKILL)

    told: list[httpx.Response] = []
    deadline = time.monotonic() + PATIENCE_S
    while (answer := ada.ask("GET", f"/api/v1/projects/{project}")).status_code != 200 or not told:
        assert time.monotonic() < deadline
        if answer.status_code != 200:
            told.append(answer)

    assert {(503, "UNAVAILABLE")} == {(one.status_code, one.json()["error"]["code"]) for one in told}
    assert all(int(one.headers["retry-after"]) > 0 for one in told)
    assert project == answer.json()["data"]["id"]


def test_without_valkey_it_works_and_says_what_is_amiss(program: Program) -> None:
    ada = Ada.sign_up(program)
    [valkey] = processes_in(program.data_dir / "valkey", "valkey-server")
    os.kill(valkey, signal.SIGSTOP)  # a killed one would be back within a moment
    try:
        made = ada.ask("POST", "/api/v1/projects", {"name": "Plans"})
        again = Ada.sign_in(program)
        ready = program.get("/readyz")
        out = again.ask("POST", "/auth/v1/logout?scope=global")
        refused = ada.ask("GET", "/api/v1/projects")
    finally:
        os.kill(valkey, signal.SIGCONT)

    assert (201, 204, 401) == (made.status_code, out.status_code, refused.status_code)
    assert (200, ["valkey"]) == (ready.status_code, ready.json()["degraded"])


def test_killing_all_under_concurrent_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    acknowledged: list[str] = []

    def write(ada: Ada, project: str) -> None:
        known = {"authorization": f"Bearer {ada.token}"}
        with httpx.Client(headers=known, timeout=10) as client, suppress(httpx.TransportError):
            while True:
                answer = client.post(f"{ada.url}/api/v1/projects/{project}/tasks", json={"title": "A task"})
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["data"]["id"])

    with running(tmp_path, *SERVE, MONYNHA_WORKERS="2", **NO_LIMITS) as program:
        ada = Ada.sign_up(program)
        project = ada.project()
        writers = [threading.Thread(target=write, args=(ada, project)) for _ in range(8)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + PATIENCE_S
        while len(acknowledged) < 100:  # so all of them are at it
            assert time.monotonic() < deadline
            time.sleep(0.01)
        program.kill_group()
        for writer in writers:
            writer.join()

    with running(tmp_path, *SERVE, **NO_LIMITS) as program:
        ada = Ada(program.url, ada.token)
        kept = ada.all_tasks(project)

    assert set() == set(acknowledged) - kept


def test_what_is_in_flight_is_answered_when_it_is_told_to_stop(tmp_path: Path) -> None:
    with running(tmp_path, *SERVE, **NO_LIMITS) as started, ExitStack() as held:
        address = ("127.0.0.1", int(started.url.rsplit(":", 1)[1]))
        lines = [held.enter_context(socket.create_connection(address, timeout=20)) for _ in range(12)]
        for number, line in enumerate(lines):
            line.sendall(_sign_up(number))
        lines[0].recv(1, socket.MSG_PEEK)  # the first password is hashed, the others wait for their turn
        started.process.send_signal(signal.SIGTERM)
        answers = [line.makefile("rb").readline() for line in lines]
        code = started.process.wait(PATIENCE_S)

    assert {b"HTTP/1.1 201 Created\r\n"} == set(answers)
    assert code == 0


def _sign_up(number: int) -> bytes:
    body = json.dumps({"name": "Ada", "email": f"ada{number}@example.com", "password": "a long secret"})
    head = "POST /api/v1/users HTTP/1.1\r\nhost: monynha.test\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


def test_who_signs_out_at_one_worker_is_out_at_the_other(tmp_path: Path) -> None:
    with running(tmp_path, *SERVE, MONYNHA_WORKERS="2", **NO_LIMITS) as program:
        ada = Ada.sign_up(program)
        # Each request comes by a connection of its own, which the kernel deals to either worker.
        before = {ada.ask("GET", "/api/v1/users/me").status_code for _ in range(12)}
        ada.ask("POST", "/auth/v1/logout?scope=local")
        after = {ada.ask("GET", "/api/v1/users/me").status_code for _ in range(24)}

    assert ({200}, {401}) == (before, after)

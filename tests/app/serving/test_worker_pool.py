"""Worker processes: replaced when killed, gone with their parent, and started with the same settings."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import httpx

from monynha.app.serving.worker_pool import start_message
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from tests.journeys.program import Program, run_program


def test_start_message_is_one_line_that_holds_settings_and_urls() -> None:
    settings = Settings.read({"MONYNHA_LIMIT_API": "off", "MONYNHA_DATA_DIR": "/srv/a\\b"})
    server_urls = ServerUrls("postgresql://a", "postgresql://b", "redis://c")

    line = start_message(settings, server_urls)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    message = json.loads(line)
    assert Settings.read(message["settings"]) == settings
    assert ServerUrls(**message["servers"]) == server_urls


def test_killed_worker_is_replaced(tmp_path: Path) -> None:
    with run_program(tmp_path, MONYNHA_WORKERS="2") as program:
        killed_pid = int(program.get("/pid").text)
        os.kill(killed_pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        pids: set[int] = set()
        while len(pids - {killed_pid}) < 2:
            assert time.monotonic() < deadline
            try:
                pids.add(int(program.get("/pid").text))
            except httpx.TransportError:
                time.sleep(0.05)  # the connection went to the worker that has just died

        assert killed_pid not in answering_pids(program)


def answering_pids(program: Program) -> set[int]:
    return {int(program.get("/pid").text) for _ in range(20)}


def test_killing_the_process_group_under_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    last_count = 0
    with run_program(tmp_path, MONYNHA_WORKERS="2") as program:
        is_writing = threading.Event()

        def kill_under_writes() -> None:
            is_writing.wait()
            program.kill_group()

        kill_thread = threading.Thread(target=kill_under_writes)
        kill_thread.start()
        while True:
            try:
                response = program.get("/rows")
            except httpx.TransportError:
                break
            last_count = int(response.text) if response.status_code == 200 else last_count
            if last_count >= 20:
                is_writing.set()
        kill_thread.join()

    with run_program(tmp_path) as program:
        assert last_count > 0
        assert int(program.get("/rows").text) >= last_count + 1

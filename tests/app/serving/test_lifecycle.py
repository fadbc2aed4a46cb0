"""Starting, stopping and killing the program."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from monynha.infra.embedded.stale_processes import find_processes
from tests.journeys.program import Program, run_program, stop_and_clean_up


def server_pids(data_dir: Path) -> list[int]:
    return find_processes(data_dir / "pg", "postgres") + find_processes(data_dir / "valkey", "valkey-server")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_says_one_line_with_its_address_and_ends_with_0(tmp_path: Path, workers: str) -> None:
    with run_program(tmp_path, MONYNHA_WORKERS=workers) as program:
        response = program.get("/rows")
        exit_code = program.stop()
        stdout, stderr = program.process.communicate()

    assert program.ready_line.startswith("Monynha is ready at http://127.0.0.1:")
    assert response.text == "1"
    assert (exit_code, stdout, stderr) == (0, "", "")
    assert server_pids(tmp_path) == []


def test_a_second_start_keeps_what_the_first_was_told(tmp_path: Path) -> None:
    with run_program(tmp_path) as program:
        program.get("/rows")
    with run_program(tmp_path) as program:
        assert program.get("/rows").text == "2"


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_what_is_in_flight_and_takes_nothing_new(tmp_path: Path, stop_signal: signal.Signals) -> None:
    with run_program(tmp_path) as program:
        bodies: list[str] = []
        request_thread = threading.Thread(target=lambda: bodies.append(program.get("/slow").text))
        request_thread.start()
        time.sleep(0.5)
        program.process.send_signal(stop_signal)
        time.sleep(0.5)
        with pytest.raises(httpx.ConnectError):
            program.get("/pid")
        request_thread.join()

        assert program.process.wait(20) == 0
        assert bodies == ["done"]


def test_stopping_during_the_start_is_no_failure(tmp_path: Path) -> None:
    program = Program(tmp_path)
    try:
        while not (tmp_path / "pg.tmp").exists():
            time.sleep(0.01)
        exit_code = program.stop()
    finally:
        stop_and_clean_up(program)

    assert exit_code == 0
    assert not (tmp_path / "pg").exists()


def test_a_first_start_killed_half_way_is_made_good_by_the_next(tmp_path: Path) -> None:
    program = Program(tmp_path)
    while not (tmp_path / "pg.tmp" / "PG_VERSION").exists():
        time.sleep(0.01)
    program.kill_group()
    stop_and_clean_up(program)

    with run_program(tmp_path) as program:
        assert program.get("/rows").text == "1"


def test_killing_the_whole_group_under_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    last_count = 0
    with run_program(tmp_path, MONYNHA_WORKERS="2") as program:
        kill_timer = threading.Timer(1.0, program.kill_group)
        kill_timer.start()
        while True:
            try:
                response = program.get("/rows")
            except httpx.TransportError:
                break
            last_count = int(response.text) if response.status_code == 200 else last_count
        kill_timer.join()

    with run_program(tmp_path) as program:
        assert last_count > 0
        assert int(program.get("/rows").text) >= last_count + 1


def test_killing_only_the_parent_frees_port_and_folder(tmp_path: Path) -> None:
    with run_program(tmp_path, MONYNHA_WORKERS="2") as program:
        port = program.url.rsplit(":", 1)[1]
        os.kill(program.process.pid, signal.SIGKILL)
        program.process.wait()
        with run_program(tmp_path, MONYNHA_PORT=port) as second_program:
            assert second_program.get("/rows").status_code == 200


def test_a_killed_database_is_away_for_a_moment_only(tmp_path: Path) -> None:
    with run_program(tmp_path) as program:
        count_before = program.get("/rows").text
        os.kill(program.postmaster_pid(), signal.SIGKILL)
        statuses: set[int] = set()
        while (response := program.get("/rows")).status_code != 200 or not statuses:
            statuses.add(response.status_code)
        pid = program.get("/pid").text

    assert 503 in statuses
    assert int(response.text) > int(count_before)
    assert pid == str(program.process.pid)


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
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
                time.sleep(0.05)  # the one it was dealt to has just died

        assert killed_pid not in answering_pids(program)


def answering_pids(program: Program) -> set[int]:
    return {int(program.get("/pid").text) for _ in range(20)}


def test_a_second_serve_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with run_program(tmp_path) as program:
        second = Program(tmp_path)
        message = second.startup_error()
        stop_and_clean_up(second)

    assert message == f"monynha: MONYNHA_DATA_DIR: another `monynha serve` uses {tmp_path} ({program.url})\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_busy_port_is_refused_by_name(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = Program(tmp_path, MONYNHA_PORT=str(port), MONYNHA_WORKERS=workers)
        message = program.startup_error()
        stop_and_clean_up(program)

    assert message.startswith(f"monynha: MONYNHA_PORT: another program listens on port {port} of 127.0.0.1")
    assert message.count("\n") == 1
    assert not (tmp_path / "pg").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_the_program_refuses_is_told_once_and_stops_the_servers(tmp_path: Path, workers: str) -> None:
    program = Program(tmp_path, LOG_LEVEL="error", MONYNHA_WORKERS=workers)
    message = program.startup_error()
    stop_and_clean_up(program)

    assert message == "monynha: LOG_LEVEL: the stub refuses this one\n"
    assert server_pids(tmp_path) == []


def test_an_address_of_another_machine_is_refused_by_name(tmp_path: Path) -> None:
    program = Program(tmp_path, MONYNHA_HOST="192.0.2.1")
    message = program.startup_error()
    stop_and_clean_up(program)

    assert message.startswith("monynha: MONYNHA_HOST: 192.0.2.1 is no address of this machine")

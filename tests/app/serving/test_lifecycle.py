"""Starting and stopping the program: the ready line, signals at every moment, kills, and ports that are taken."""

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


def startup_error(data_dir: Path, **environ: str) -> str:
    """Return the output of a program that does not start."""
    program = Program(data_dir, **environ)
    try:
        return program.startup_error()
    finally:
        stop_and_clean_up(program)


def accepts_connections(program: Program) -> bool:
    try:
        program.get("/pid")
    except httpx.TransportError:
        return False
    return True


@pytest.mark.parametrize("workers", ["1", "2"])
def test_start_prints_one_line_with_the_url_and_a_stop_exits_with_0(tmp_path: Path, workers: str) -> None:
    with run_program(tmp_path, MONYNHA_WORKERS=workers) as program:
        response = program.get("/rows")
        exit_code = program.stop()
        stdout, stderr = program.process.communicate()

    assert program.ready_line.startswith("Monynha is ready at http://127.0.0.1:")
    assert response.text == "1"
    assert (exit_code, stdout, stderr) == (0, "", "")
    assert server_pids(tmp_path) == []


def test_second_start_finds_what_the_first_one_stored(tmp_path: Path) -> None:
    with run_program(tmp_path) as program:
        program.get("/rows")
    with run_program(tmp_path) as program:
        assert program.get("/rows").text == "2"


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_requests_in_flight_and_accepts_no_new_ones(tmp_path: Path, stop_signal: signal.Signals) -> None:
    with run_program(tmp_path) as program:
        bodies: list[str] = []
        request_thread = threading.Thread(target=lambda: bodies.append(program.get("/slow").text))
        request_thread.start()
        while not (tmp_path / "slow-has-begun").exists():
            time.sleep(0.01)
        program.process.send_signal(stop_signal)
        while accepts_connections(program):
            time.sleep(0.01)
        (tmp_path / "slow-may-end").touch()
        request_thread.join()

        assert program.process.wait(20) == 0
        assert bodies == ["done"]


def test_stop_during_the_start_is_no_failure(tmp_path: Path) -> None:
    program = Program(tmp_path)
    try:
        while not (tmp_path / "pg.tmp").exists():
            time.sleep(0.01)
        exit_code = program.stop()
    finally:
        stop_and_clean_up(program)

    assert exit_code == 0
    assert not (tmp_path / "pg").exists()


def test_first_start_that_was_killed_half_way_is_repeated_by_the_next(tmp_path: Path) -> None:
    program = Program(tmp_path)
    while not (tmp_path / "pg.tmp" / "PG_VERSION").exists():
        time.sleep(0.01)
    program.kill_group()
    stop_and_clean_up(program)

    with run_program(tmp_path) as program:
        assert program.get("/rows").text == "1"


def test_start_right_after_everything_was_killed_succeeds(tmp_path: Path) -> None:
    for count in range(1, 5):
        program = Program(tmp_path, MONYNHA_WORKERS="2").wait_ready()
        assert int(program.get("/rows").text) == count
        program.kill_tree()
        stop_and_clean_up(program)


def test_killed_database_is_unavailable_only_for_a_moment(tmp_path: Path) -> None:
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


def test_second_serve_of_the_same_folder_is_refused(tmp_path: Path) -> None:
    with run_program(tmp_path) as program:
        message = startup_error(tmp_path)

    assert message == f"monynha: MONYNHA_DATA_DIR: another `monynha serve` uses {tmp_path} ({program.url})\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_port_in_use_is_refused_by_name(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        message = startup_error(tmp_path, MONYNHA_PORT=str(port), MONYNHA_WORKERS=workers)

    assert message.startswith(f"monynha: MONYNHA_PORT: another program listens on port {port} of 127.0.0.1")
    assert message.count("\n") == 1
    assert not (tmp_path / "pg").exists()


def test_address_of_another_machine_is_refused_by_name(tmp_path: Path) -> None:
    message = startup_error(tmp_path, MONYNHA_HOST="192.0.2.1")

    assert message.startswith("monynha: MONYNHA_HOST: 192.0.2.1 is not an address of this machine")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_refusal_of_the_application_is_printed_once_and_stops_the_servers(tmp_path: Path, workers: str) -> None:
    message = startup_error(tmp_path, LOG_LEVEL="error", MONYNHA_WORKERS=workers)

    assert message == "monynha: LOG_LEVEL: the stub refuses this one\n"
    assert server_pids(tmp_path) == []

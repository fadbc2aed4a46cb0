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

from monynha.infra.embedded.leftovers import processes_in
from tests.journeys.program import Program, end, running


def servers_of(data_dir: Path) -> list[int]:
    return processes_in(data_dir / "pg", "postgres") + processes_in(data_dir / "valkey", "valkey-server")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_says_one_line_with_its_address_and_ends_with_0(tmp_path: Path, workers: str) -> None:
    with running(tmp_path, MONYNHA_WORKERS=workers) as program:
        answer = program.get("/rows")
        code = program.stop()
        said, told = program.process.communicate()

    assert program.line.startswith("Monynha is ready at http://127.0.0.1:")
    assert answer.text == "1"
    assert (code, said, told) == (0, "", "")
    assert servers_of(tmp_path) == []


def test_a_second_start_keeps_what_the_first_was_told(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        program.get("/rows")
    with running(tmp_path) as program:
        assert program.get("/rows").text == "2"


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_what_is_in_flight_and_takes_nothing_new(
    tmp_path: Path, order: signal.Signals
) -> None:
    with running(tmp_path) as program:
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.append(program.get("/slow").text))
        asking.start()
        time.sleep(0.5)
        program.process.send_signal(order)
        time.sleep(0.5)
        with pytest.raises(httpx.ConnectError):
            program.get("/pid")
        asking.join()

        assert program.process.wait(20) == 0
        assert answers == ["done"]


def test_stopping_during_the_start_is_no_failure(tmp_path: Path) -> None:
    program = Program(tmp_path)
    try:
        while not (tmp_path / "pg.tmp").exists():
            time.sleep(0.01)
        code = program.stop()
    finally:
        end(program)

    assert code == 0
    assert not (tmp_path / "pg").exists()


def test_a_first_start_killed_half_way_is_made_good_by_the_next(tmp_path: Path) -> None:
    program = Program(tmp_path)
    while not (tmp_path / "pg.tmp" / "PG_VERSION").exists():
        time.sleep(0.01)
    program.kill_group()
    end(program)

    with running(tmp_path) as program:
        assert program.get("/rows").text == "1"


def test_killing_the_whole_group_under_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    kept = 0
    with running(tmp_path, MONYNHA_WORKERS="2") as program:
        killing = threading.Timer(1.0, program.kill_group)
        killing.start()
        while True:
            try:
                answer = program.get("/rows")
            except httpx.TransportError:
                break
            kept = int(answer.text) if answer.status_code == 200 else kept
        killing.join()

    with running(tmp_path) as program:
        assert kept > 0
        assert int(program.get("/rows").text) >= kept + 1


def test_killing_only_the_parent_frees_port_and_folder(tmp_path: Path) -> None:
    with running(tmp_path, MONYNHA_WORKERS="2") as program:
        port = program.url.rsplit(":", 1)[1]
        os.kill(program.process.pid, signal.SIGKILL)
        program.process.wait()
        with running(tmp_path, MONYNHA_PORT=port) as again:
            assert again.get("/rows").status_code == 200


def test_a_killed_database_is_away_for_a_moment_only(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        before = program.get("/rows").text
        os.kill(program.postmaster(), signal.SIGKILL)
        statuses: set[int] = set()
        while (answer := program.get("/rows")).status_code != 200 or not statuses:
            statuses.add(answer.status_code)
        pid = program.get("/pid").text

    assert 503 in statuses
    assert int(answer.text) > int(before)
    assert pid == str(program.process.pid)


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path, MONYNHA_WORKERS="2") as program:
        first = int(program.get("/pid").text)
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        seen: set[int] = set()
        while len(seen - {first}) < 2:
            assert time.monotonic() < deadline
            try:
                seen.add(int(program.get("/pid").text))
            except httpx.TransportError:
                time.sleep(0.05)  # the one it was dealt to has just died

        assert first not in processes_answering(program)


def processes_answering(program: Program) -> set[int]:
    return {int(program.get("/pid").text) for _ in range(20)}


def test_a_second_serve_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        second = Program(tmp_path)
        told = second.refusal()
        end(second)

    assert told == f"monynha: MONYNHA_DATA_DIR: another `monynha serve` uses {tmp_path} ({program.url})\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_busy_port_is_refused_by_name(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        program = Program(tmp_path, MONYNHA_PORT=str(port), MONYNHA_WORKERS=workers)
        told = program.refusal()
        end(program)

    assert told.startswith(f"monynha: MONYNHA_PORT: another program listens on port {port} of 127.0.0.1")
    assert told.count("\n") == 1
    assert not (tmp_path / "pg").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_the_program_refuses_is_told_once_and_stops_the_servers(tmp_path: Path, workers: str) -> None:
    program = Program(tmp_path, LOG_LEVEL="error", MONYNHA_WORKERS=workers)
    told = program.refusal()
    end(program)

    assert told == "monynha: LOG_LEVEL: the stub refuses this one\n"
    assert servers_of(tmp_path) == []


def test_an_address_of_another_machine_is_refused_by_name(tmp_path: Path) -> None:
    program = Program(tmp_path, MONYNHA_HOST="192.0.2.1")
    told = program.refusal()
    end(program)

    assert told.startswith("monynha: MONYNHA_HOST: 192.0.2.1 is no address of this machine")

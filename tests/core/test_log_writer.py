"""Log lines are written in order, in few writes, and none is lost at the end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from monynha.core import log_writer
from monynha.core.log_writer import LogWriter


def test_lines_are_written_in_order_and_none_is_lost_at_the_end(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        writer = LogWriter(file.fileno())
        for number in range(10_000):
            writer.write(b"line %d\n" % number)
        writer.close()

    assert (tmp_path / "log").read_bytes() == b"".join(b"line %d\n" % number for number in range(10_000))


def test_lines_arrive_while_the_program_runs() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    writer.write(b"first\n")

    assert os.read(reading, 100) == b"first\n"
    writer.write(b"second\n")
    assert os.read(reading, 100) == b"second\n"
    writer.close()
    os.close(reading)
    os.close(writing)


def test_line_after_close_is_written_at_once(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        writer = LogWriter(file.fileno())
        writer.close()
        writer.write(b"late\n")
        writer.close()

        assert (tmp_path / "log").read_bytes() == b"late\n"


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        writer = LogWriter(file.fileno())

        def write_lines(name: int) -> None:
            for number in range(500):
                writer.write(b"%d/%d\n" % (name, number))

        threads = [threading.Thread(target=write_lines, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.close()

    lines = (tmp_path / "log").read_bytes().splitlines()
    assert sorted(lines) == sorted(b"%d/%d" % (name, number) for name in range(8) for number in range(500))


def test_lines_of_a_pipe_are_written_in_pieces_that_other_processes_cannot_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    pieces: list[bytes] = []

    def write(_: int, data: bytes) -> int:
        pieces.append(data)
        return len(data)

    writer = LogWriter(writing)
    monkeypatch.setattr(os, "write", write)
    lines = [b"x" * 999 + b"\n"] * 20
    for line in lines:
        writer.write(line)
    writer.close()
    monkeypatch.undo()
    os.close(reading)
    os.close(writing)

    assert b"".join(pieces) == b"".join(lines)
    assert all(len(piece) <= 4096 and piece.endswith(b"\n") for piece in pieces)


def test_pipe_that_nobody_reads_neither_blocks_nor_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "_MAX_WAITING_BYTES", 1000)
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    for number in range(100_000):
        writer.write(b"line %d\n" % number)

    received = bytearray()
    writer.write(b"last\n")
    closing = threading.Thread(target=writer.close)
    closing.start()
    os.set_blocking(reading, False)
    while closing.is_alive() or not received.endswith(b"}\n"):
        try:
            received += os.read(reading, 65536)
        except BlockingIOError:
            closing.join(0.01)
    os.close(reading)
    os.close(writing)

    lines = bytes(received).splitlines()
    assert lines[0] == b"line 0"
    assert len(lines) < 100_000
    assert b"log lines were dropped" in lines[-1]


def test_reader_that_is_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing)
    writer.write(b"to nobody\n")
    writer.close()
    os.close(writing)

"""One worker process: it ends with its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.journeys.program import ROOT, run_program


def test_workers_of_a_killed_parent_free_the_port_and_the_folder(tmp_path: Path) -> None:
    with run_program(tmp_path, MONYNHA_WORKERS="2") as program:
        port = program.url.rsplit(":", 1)[1]
        os.kill(program.process.pid, signal.SIGKILL)
        program.process.wait()
        with run_program(tmp_path, MONYNHA_PORT=port) as second_program:
            assert second_program.get("/rows").status_code == 200


def test_worker_whose_parent_dies_before_the_start_message_exits() -> None:
    parent_end, child_end = socket.socketpair()
    with parent_end, child_end, socket.create_server(("127.0.0.1", 0)) as listener:
        descriptors = (child_end.fileno(), listener.fileno())
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "monynha.app.serving.worker",
                "tests.journeys.stub_application",
                *map(str, descriptors),
            ],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
            pass_fds=descriptors,
        )
        child_end.close()
        parent_end.sendall(b'{"settings": {')
        parent_end.close()

        assert worker.wait(20) == 1

"""A server process: restarted when it exits, stopped by its signals, and its log."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers, supervised_server
from monynha.infra.embedded.process_user import ProcessUser
from monynha.infra.embedded.stale_processes import find_processes
from monynha.infra.embedded.startup_errors import ServerExitedError
from monynha.infra.embedded.supervised_server import ServerSpec, SupervisedServer
from tests.infra.embedded.probes import postmaster_pid, wait_for_database, wait_until

_READY_SCRIPT = "import pathlib, signal, sys, time; {setup}; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"


def spec_for(folder: Path, script: str) -> ServerSpec:
    """Return the spec of a Python script that is ready when it has created a file."""
    marker = folder / "ready"

    async def is_ready() -> bool:
        return marker.exists()

    async def clean_up() -> None:
        marker.unlink(missing_ok=True)

    return ServerSpec(
        name="Test",
        argv=(sys.executable, "-c", script, str(marker)),
        process_user=ProcessUser.CURRENT,
        log_path=folder / "test.log",
        stop_signals=(signal.SIGTERM,),
        stop_timeout_s=0.5,
        is_ready=is_ready,
        clean_up=clean_up,
    )


async def test_killed_database_is_restarted(postgres_only: Settings) -> None:
    async with run_servers(postgres_only) as server_urls:
        await wait_for_database(server_urls)
        killed_pid = postmaster_pid(postgres_only)
        os.kill(killed_pid, signal.SIGKILL)
        # Its children exit on their own, and only then may the next start.
        await wait_until(lambda: killed_pid not in find_processes(postgres_only.data_dir / "pg", "postgres"))
        await wait_for_database(server_urls)
        new_pid = postmaster_pid(postgres_only)

    assert new_pid != killed_pid


async def test_server_that_exits_before_it_is_ready_raises_its_output(tmp_path: Path) -> None:
    (tmp_path / "test.log").write_text("of an earlier start\n")
    server = SupervisedServer(spec_for(tmp_path, "print('bad option'); raise SystemExit(3)"))

    with pytest.raises(ServerExitedError, match=r"^bad option$"):
        await server.start()


async def test_silent_server_that_exits_raises_its_exit_code(tmp_path: Path) -> None:
    server = SupervisedServer(spec_for(tmp_path, "raise SystemExit(3)"))

    with pytest.raises(ServerExitedError, match=r"^exit code 3$"):
        await server.start()


async def test_server_that_ignores_its_stop_signal_is_killed(tmp_path: Path) -> None:
    setup = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    server = SupervisedServer(spec_for(tmp_path, _READY_SCRIPT.format(setup=setup)))
    await server.start()

    await asyncio.wait_for(server.stop(), 30)


async def test_large_log_is_rotated_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_server, "_MAX_LOG_BYTES", 10)
    (tmp_path / "test.log").write_text("an old and long log\n")
    server = SupervisedServer(spec_for(tmp_path, _READY_SCRIPT.format(setup="print('new', flush=True)")))
    await server.start()
    await server.stop()

    assert (tmp_path / "test.log.1").read_text() == "an old and long log\n"
    assert (tmp_path / "test.log").read_text() == "new\n"

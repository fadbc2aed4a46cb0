"""The embedded Valkey: its options, and how it is started."""

from __future__ import annotations

import asyncio
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from monynha.core.settings.settings import Settings
from monynha.infra.embedded.binaries import find_valkey
from monynha.infra.embedded.data_dir import DataLayout
from monynha.infra.embedded.process_user import ProcessUser
from monynha.infra.embedded.stale_processes import stop_stale_processes
from monynha.infra.embedded.startup_errors import ServerExitedError, is_disk_full, startup_error
from monynha.infra.embedded.supervised_server import ServerSpec, SupervisedServer

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "save": "",
    "maxmemory": "128mb",
    "maxmemory-policy": "allkeys-lru",
    "daemonize": "no",
    "loglevel": "warning",
    "protected-mode": "yes",
}


def valkey_url(layout: DataLayout) -> str:
    """Return the URL of the embedded Valkey."""
    return f"unix://{_socket_path(layout)}"


async def start_valkey(settings: Settings, layout: DataLayout) -> SupervisedServer:
    """Start Valkey on the data folder and return when it is ready; raise SettingsError if it does not start."""
    program = find_valkey(settings.valkey_bin)

    async def clean_up() -> None:
        await stop_stale_processes(layout.valkey, program.resolve().name)

    async def is_ready() -> bool:
        return await is_valkey_ready(layout)

    options = {**_OPTIONS, "unixsocket": str(_socket_path(layout)), "dir": str(layout.valkey)}
    spec = ServerSpec(
        name="Valkey",
        argv=(str(program), *(argument for name, value in options.items() for argument in (f"--{name}", value))),
        process_user=ProcessUser.CURRENT,
        log_path=layout.logs / "valkey.log",
        stop_signals=(signal.SIGTERM,),
        stop_timeout_s=5,
        is_ready=is_ready,
        clean_up=clean_up,
    )
    server = SupervisedServer(spec)
    try:
        await server.start()
    except ServerExitedError as error:
        if is_disk_full(str(error)):
            raise startup_error("Valkey", str(error)) from error
        # It holds only data that may be lost, so a damaged file is set aside instead of stopping the start.
        await asyncio.to_thread(_set_aside_damaged_data, layout.valkey)
        try:
            await server.start()
        except ServerExitedError as second_error:
            raise startup_error("Valkey", str(second_error)) from second_error
    return server


async def is_valkey_ready(layout: DataLayout) -> bool:
    """Whether Valkey accepts commands."""
    writer = None
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_unix_connection(_socket_path(layout))
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith(b"+PONG")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer:
            writer.close()


def _socket_path(layout: DataLayout) -> Path:
    return layout.sockets / "valkey.sock"


def _set_aside_damaged_data(folder: Path) -> None:
    damaged = folder.with_name("valkey.damaged")
    shutil.rmtree(damaged, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(damaged)
    folder.mkdir(mode=0o700)

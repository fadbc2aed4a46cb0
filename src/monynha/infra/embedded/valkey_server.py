"""The embedded Valkey: what may be lost, kept over restarts all the same."""

from __future__ import annotations

import asyncio
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from monynha.core.settings import Settings
from monynha.infra.embedded.binaries import find_valkey
from monynha.infra.embedded.complaints import Died, explain, is_about_a_full_disk
from monynha.infra.embedded.folder import Places
from monynha.infra.embedded.identity import Identity
from monynha.infra.embedded.leftovers import clear_leftovers
from monynha.infra.embedded.supervised import Spec, Supervised

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


def valkey_url(places: Places) -> str:
    """The address of the embedded Valkey."""
    return f"unix://{_socket(places)}"


async def start_valkey(settings: Settings, places: Places) -> Supervised:
    """Start Valkey on the data folder and return when it answers."""
    program = find_valkey(settings.valkey_bin)

    async def clear() -> None:
        await clear_leftovers(places.valkey, program.resolve().name)

    async def is_ready() -> bool:
        return await valkey_answers(places)

    options = {**_OPTIONS, "unixsocket": str(_socket(places)), "dir": str(places.valkey)}
    spec = Spec(
        name="Valkey",
        argv=(str(program), *(word for name, value in options.items() for word in (f"--{name}", value))),
        identity=Identity.OURS,
        log_path=places.logs / "valkey.log",
        stop_signals=(signal.SIGTERM,),
        patience_s=5,
        is_ready=is_ready,
        clear=clear,
    )
    server = Supervised(spec)
    try:
        await server.start()
    except Died as death:
        if is_about_a_full_disk(str(death)):
            raise explain("Valkey", str(death)) from death
        # It holds only what may be lost: a damaged file is put aside rather than stopping the start.
        await asyncio.to_thread(_put_aside, places.valkey)
        try:
            await server.start()
        except Died as again:
            raise explain("Valkey", str(again)) from again
    return server


async def valkey_answers(places: Places) -> bool:
    """Whether Valkey takes commands now."""
    writer = None
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_unix_connection(_socket(places))
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith(b"+PONG")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer:
            writer.close()


def _socket(places: Places) -> Path:
    return places.sockets / "valkey.sock"


def _put_aside(folder: Path) -> None:
    damaged = folder.with_name("valkey.damaged")
    shutil.rmtree(damaged, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(damaged)
    folder.mkdir(mode=0o700)

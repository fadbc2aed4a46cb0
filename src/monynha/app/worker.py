"""One process of the crew, run as `python -m monynha.app.worker MODULE CONTROL LISTENER`."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import socket
import sys

import uvloop

from monynha.app.application import Build, load
from monynha.app.edge import answer
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers


def main(module: str, control_handle: str, listener_handle: str) -> None:
    """Import the program, wait for the order, answer until told to stop."""
    # Ctrl-C reaches the whole group; our parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(control_handle))
    listener = socket.socket(fileno=int(listener_handle))
    build = load(module)
    order = _receive(control)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_work(build, order, control, listener)))


async def _work(build: Build, order: bytes, control: socket.socket, listener: socket.socket) -> int:
    settings: Settings
    servers: Servers
    settings, servers = pickle.loads(order)  # from our own parent, over a line nobody else holds
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    control.setblocking(False)
    # The line closes when the parent was killed: its servers go too, and the next start wants the port.
    loop.add_reader(control, os._exit, 1)
    try:
        program = await build(settings, servers)
    except WrongSetting as refused:
        control.sendall(json.dumps({"wrong": str(refused)}).encode() + b"\n")
        return 1
    try:
        await answer(program, listener, stop, lambda: control.sendall(b'{"ready": true}\n'))
    finally:
        await program.close()
    loop.remove_reader(control)
    return 0


def _receive(control: socket.socket) -> bytes:
    """Wait for the order; without one the parent is gone."""
    received = bytearray()
    while len(received) < 4 or len(received) < 4 + int.from_bytes(received[:4], "big"):
        part = control.recv(65536)
        if not part:
            sys.exit(1)
        received += part
    return bytes(received[4:])


if __name__ == "__main__":
    main(*sys.argv[1:])

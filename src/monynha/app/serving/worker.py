"""One process of the crew, run as `python -m monynha.app.serving.worker MODULE CONTROL LISTENER`."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import socket
import sys

import uvloop

from monynha.app.serving.loader import BuildApplication, load_application
from monynha.app.serving.uvicorn_server import serve_http
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls


def main(module: str, control_descriptor: str, listener_descriptor: str) -> None:
    """Import the program, wait for the order, answer until told to stop."""
    # Ctrl-C reaches the whole group; our parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(control_descriptor))
    listener = socket.socket(fileno=int(listener_descriptor))
    build = load_application(module)
    start_message = _receive_start_message(control)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(build, start_message, control, listener)))


async def _serve(build: BuildApplication, start_message: bytes, control: socket.socket, listener: socket.socket) -> int:
    settings: Settings
    server_urls: ServerUrls
    settings, server_urls = pickle.loads(start_message)  # from our own parent, over a line nobody else holds
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop_requested.set)
    control.setblocking(False)
    # The line closes when the parent was killed: its servers go too, and the next start wants the port.
    loop.add_reader(control, os._exit, 1)
    try:
        application = await build(settings, server_urls)
    except SettingsError as error:
        control.sendall(json.dumps({"wrong": str(error)}).encode() + b"\n")
        return 1
    try:
        await serve_http(application, listener, stop_requested, lambda: control.sendall(b'{"ready": true}\n'))
    finally:
        await application.close()
    loop.remove_reader(control)
    return 0


def _receive_start_message(control: socket.socket) -> bytes:
    """Wait for the order; without one the parent is gone."""
    received = bytearray()
    while len(received) < 4 or len(received) < 4 + int.from_bytes(received[:4], "big"):
        chunk = control.recv(65536)
        if not chunk:
            sys.exit(1)
        received += chunk
    return bytes(received[4:])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""One worker process, run as `python -m monynha.app.serving.worker MODULE CONTROL LISTENER`.

CONTROL and LISTENER are inherited file descriptors: a socket pair to the parent and the listening socket. On
CONTROL go lines of JSON: from the parent the start message (`worker_pool.start_message`), from the worker
`{"ready": true}` or `{"error": "…"}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys

import uvloop

from monynha.app.serving.loader import BuildApplication, load_application
from monynha.app.serving.memory import return_large_blocks
from monynha.app.serving.uvicorn_server import serve_http
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls


def main(module: str, control_descriptor: str, listener_descriptor: str) -> None:
    """Import the application, wait for the start message, and serve until SIGTERM."""
    # Ctrl-C signals the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(control_descriptor))
    listener = socket.socket(fileno=int(listener_descriptor))
    return_large_blocks()
    build = load_application(module)
    start_message = _receive_line(control)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(build, start_message, control, listener)))


async def _serve(build: BuildApplication, start_message: bytes, control: socket.socket, listener: socket.socket) -> int:
    message = json.loads(start_message)
    settings, server_urls = Settings.read(message["settings"]), ServerUrls(**message["servers"])
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop_requested.set)
    control.setblocking(False)
    # The parent closes the control socket when it is killed. Its servers go too, and the next start needs the port.
    loop.add_reader(control, os._exit, 1)
    try:
        application = await build(settings, server_urls)
    except SettingsError as error:
        control.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
        return 1
    try:
        await serve_http(
            application,
            listener,
            stop_requested,
            lambda: control.sendall(b'{"ready": true}\n'),
            max_unsent_bytes=settings.max_unsent_mb * 1_000_000,
        )
    finally:
        await application.close()
    loop.remove_reader(control)
    return 0


def _receive_line(control: socket.socket) -> bytes:
    """Wait for one line; exit if the parent dies first."""
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = control.recv(65536)
        if not chunk:
            sys.exit(1)
        received += chunk
    return bytes(received)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The socket that requests come in by."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from dataclasses import replace

from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings, local_url

_TRIES = 10  # the processes of a killed start close their port within moments
_PAUSE_S = 0.05


class _Busy(WrongSetting):
    """Somebody else listens there."""


async def listen(settings: Settings) -> list[socket.socket]:
    """Take the port, with a socket for each process; nothing is accepted before that process asks for it.

    One socket for all would do, but the process that wakes first takes what is there: of 32 connections 30
    went to one of two. With a socket each the kernel deals them out.
    """
    first = await _bind_patiently(settings)
    if settings.workers == 1:
        return [first]
    # The first was alone, which proves that the port was free: the others would share it with anybody's.
    port = first.getsockname()[1]
    first.close()
    return [_bind(settings.host, port, shared=True) for _ in range(settings.workers)]


async def _bind_patiently(settings: Settings) -> socket.socket:
    for _ in range(_TRIES):
        with suppress(_Busy):
            return _bind(settings.host, settings.port)
        await asyncio.sleep(_PAUSE_S)
    return _bind(settings.host, settings.port)


def _bind(name: str, port: int, *, shared: bool = False) -> socket.socket:
    host = name.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as cause:
        raise WrongSetting(
            f"MONYNHA_HOST: {host} is no address of this machine ({cause.strerror})"
        ) from cause
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as cause:
        listener.close()
        raise _refusal(host, port, cause) from cause
    return listener


def _refusal(host: str, port: int, cause: OSError) -> WrongSetting:
    if cause.errno == errno.EADDRINUSE:
        return _Busy(f"MONYNHA_PORT: another program listens on port {port} of {host}, choose another --port")
    if cause.errno == errno.EACCES:
        return WrongSetting(f"MONYNHA_PORT: this user may not listen on port {port}, choose one from 1024 on")
    return WrongSetting(f"MONYNHA_HOST: {host} is no address of this machine ({cause.strerror})")


def with_address(settings: Settings, listener: socket.socket) -> Settings:
    """The settings with the port that was picked, and the address that follows from it."""
    port = listener.getsockname()[1]
    if settings.site_url == local_url(settings.host, settings.port):
        settings = replace(settings, site_url=local_url(settings.host, port))
    return replace(settings, port=port)

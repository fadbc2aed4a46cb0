"""Opens the port that requests come in on."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from dataclasses import replace

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings, local_url

_MAX_ATTEMPTS = 10  # the processes of a killed start close the port within moments
_RETRY_INTERVAL_S = 0.05


class _PortInUseError(SettingsError):
    """Another program listens on the port."""


async def open_listeners(settings: Settings) -> list[socket.socket]:
    """Bind one socket per process to the port; none accepts connections yet.

    With one socket for all the process that wakes first takes everything: of 32 connections 30 went to one of
    two. With SO_REUSEPORT the kernel distributes them. Raises SettingsError if the port cannot be had.
    """
    listener = await _bind_with_retries(settings)
    if settings.workers == 1:
        return [listener]
    # The first was bound alone, which proves that the port is free: shared sockets bind beside those of another
    # program of the same user.
    port = listener.getsockname()[1]
    listener.close()
    return [_bind(settings.host, port, shared=True) for _ in range(settings.workers)]


async def _bind_with_retries(settings: Settings) -> socket.socket:
    for _ in range(_MAX_ATTEMPTS):
        with suppress(_PortInUseError):
            return _bind(settings.host, settings.port)
        await asyncio.sleep(_RETRY_INTERVAL_S)
    return _bind(settings.host, settings.port)


def _bind(host_setting: str, port: int, *, shared: bool = False) -> socket.socket:
    host = host_setting.strip("[]")
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket_type, protocol)
    except OSError as error:
        raise SettingsError(f"MONYNHA_HOST: {host} is not an address of this machine ({error.strerror})") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _bind_error(host, port, error) from error
    return listener


def _bind_error(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return _PortInUseError(f"MONYNHA_PORT: another program listens on port {port} of {host}; choose another --port")
    if error.errno == errno.EACCES:
        return SettingsError(f"MONYNHA_PORT: this user may not listen on port {port}; choose one from 1024 on")
    return SettingsError(f"MONYNHA_HOST: {host} is not an address of this machine ({error.strerror})")


def with_bound_port(settings: Settings, listener: socket.socket) -> Settings:
    """Return the settings with the port that was bound, and the site URL that follows from it."""
    port = listener.getsockname()[1]
    if settings.site_url == local_url(settings.host, settings.port):
        settings = replace(settings, site_url=local_url(settings.host, port))
    return replace(settings, port=port)

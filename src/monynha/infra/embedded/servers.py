"""The database and Valkey of the program: those the settings name, and embedded ones for the rest."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded.data_dir import (
    DataLayout,
    create_directories,
    describe_relocation,
    ensure_directory,
    resolve_layout,
)
from monynha.infra.embedded.file_lock import FileLock
from monynha.infra.embedded.postgres_server import is_postgres_ready, postgres_url, start_postgres
from monynha.infra.embedded.process_user import ProcessUser, choose_process_user
from monynha.infra.embedded.secret_file import GeneratedSecrets, load_or_create_secrets, replace_jwt_secret
from monynha.infra.embedded.supervised_server import SupervisedServer
from monynha.infra.embedded.valkey_server import is_valkey_ready, start_valkey, valkey_url

log = logging.getLogger("monynha.embedded")

_POLL_INTERVAL_S = 0.05


@dataclass(frozen=True)
class ServerUrls:
    """The URLs of the servers: those of the settings, or of the embedded ones."""

    database_url: str
    owner_url: str
    redis_url: str


def with_jwt_secret(settings: Settings) -> Settings:
    """Return the settings with a JWT secret: the one that is set, or the one generated for this data folder."""
    if settings.jwt_secret:
        return settings
    return replace(settings, jwt_secret=load_or_create_secrets(settings.data_dir).jwt_secret)


def generated_jwt_secret(settings: Settings) -> str | None:
    """Return the JWT secret if it was generated for this data folder, or None if it was set."""
    path = settings.data_dir / "secrets.json"
    is_generated = path.exists() and load_or_create_secrets(settings.data_dir).jwt_secret == settings.jwt_secret
    return settings.jwt_secret if is_generated else None


def adopt_jwt_secret(settings: Settings, jwt_secret: str) -> None:
    """Replace the generated JWT secret by that of another data folder, unless a secret is set."""
    if generated_jwt_secret(settings):
        replace_jwt_secret(settings.data_dir, jwt_secret)


@asynccontextmanager
async def run_servers(settings: Settings, *, exclusive: bool = False) -> AsyncIterator[ServerUrls]:
    """Provide the servers: start those that the settings leave unset, or join those of this data folder that run.

    `exclusive` is for `serve`, which must not join servers that stop when another command ends.
    """
    if settings.database_url and settings.redis_url:
        owner_url = settings.database_owner_url or settings.database_url
        yield ServerUrls(settings.database_url, owner_url, settings.redis_url)
        return
    ensure_directory(settings.data_dir)
    secrets = load_or_create_secrets(settings.data_dir)
    process_user = await choose_process_user()
    layout = resolve_layout(settings.data_dir, process_user)
    async with AsyncExitStack() as stack:
        start_lock = FileLock(settings.data_dir / "servers.lock")
        use_lock = FileLock(settings.data_dir / "users.lock")
        stack.callback(start_lock.release)
        stack.callback(use_lock.release)
        if await _must_start(start_lock, use_lock, _ReadinessCheck(settings, layout, secrets), exclusive=exclusive):
            if exclusive and layout.is_relocated and not settings.database_url:
                log.warning("%s", describe_relocation(layout, process_user))
            started_servers = await _start_servers(settings, layout, process_user, secrets)
            stack.push_async_callback(_stop_servers, started_servers, use_lock, exclusive=exclusive)
        yield _server_urls(settings, layout, secrets)


@dataclass(frozen=True)
class _ReadinessCheck:
    """Checks whether the servers of a data folder accept connections."""

    settings: Settings
    layout: DataLayout
    secrets: GeneratedSecrets

    async def is_ready(self) -> bool:
        password = self.secrets.login_password
        return bool(self.settings.redis_url or await is_valkey_ready(self.layout)) and bool(
            self.settings.database_url or await is_postgres_ready(self.layout, "monynha", password, "monynha")
        )


async def _must_start(start_lock: FileLock, use_lock: FileLock, readiness: _ReadinessCheck, *, exclusive: bool) -> bool:
    """Return with `start_lock` held (True: start the servers) or with a share of `use_lock` (False: they run).

    A command that started the servers stops them only when it holds `use_lock` alone. So a process that holds a
    share of it, while another one holds `start_lock`, can use the servers for as long as it needs.
    """
    has_warned = False
    while not start_lock.try_acquire():
        if exclusive and not has_warned:
            log.warning("waiting for another monynha command that uses %s to end", readiness.layout.data_dir)
            has_warned = True
        if not exclusive and use_lock.try_acquire(shared=True) and await readiness.is_ready():
            return False
        await asyncio.sleep(_POLL_INTERVAL_S)
    use_lock.release()
    return True


async def _start_servers(
    settings: Settings, layout: DataLayout, process_user: ProcessUser, secrets: GeneratedSecrets
) -> list[SupervisedServer]:
    """Start the servers that the settings leave unset, at the same time; if one fails, stop all."""
    tasks: list[asyncio.Task[SupervisedServer]] = []
    try:
        create_directories(layout, process_user)
        if not settings.database_url:
            tasks.append(asyncio.create_task(start_postgres(settings, layout, process_user, secrets)))
        if not settings.redis_url:
            tasks.append(asyncio.create_task(start_valkey(settings, layout)))
        return await asyncio.gather(*tasks)
    except BaseException as error:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, SupervisedServer):
                await result.stop()
        if isinstance(error, OSError):
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if is_full else f"{error.filename}: {error.strerror}"
            raise SettingsError(f"MONYNHA_DATA_DIR: {reason}") from error
        raise


async def _stop_servers(servers: list[SupervisedServer], use_lock: FileLock, *, exclusive: bool) -> None:
    """Stop the servers; a command first waits for those that joined them, `serve` does not."""
    if not exclusive:
        await use_lock.acquire()
    await asyncio.gather(*(server.stop() for server in servers))


def _server_urls(settings: Settings, layout: DataLayout, secrets: GeneratedSecrets) -> ServerUrls:
    database_url = settings.database_url or postgres_url(layout, secrets)
    owner_url = settings.database_owner_url or database_url
    return ServerUrls(database_url, owner_url, settings.redis_url or valkey_url(layout))

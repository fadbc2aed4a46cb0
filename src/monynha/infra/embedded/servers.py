"""The servers the program works with: those the settings name, and embedded ones for the rest."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded.data_dir import DataLayout, create_directories, ensure_directory, resolve_layout
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
    """Where the servers are: what the settings gave, or the embedded ones."""

    database_url: str
    owner_url: str
    redis_url: str


def with_jwt_secret(settings: Settings) -> Settings:
    """The settings with a secret to sign tokens with: the given one, or the one made for this data folder."""
    if settings.jwt_secret:
        return settings
    return replace(settings, jwt_secret=load_or_create_secrets(settings.data_dir).jwt_secret)


def generated_jwt_secret(settings: Settings) -> str | None:
    """The secret that signs tokens, if the program made it for itself and nobody else keeps it."""
    path = settings.data_dir / "secrets.json"
    is_generated = path.exists() and load_or_create_secrets(settings.data_dir).jwt_secret == settings.jwt_secret
    return settings.jwt_secret if is_generated else None


def adopt_jwt_secret(settings: Settings, jwt_secret: str) -> None:
    """Take over the secret of another place, unless this one is given its own."""
    if generated_jwt_secret(settings):
        replace_jwt_secret(settings.data_dir, jwt_secret)


@asynccontextmanager
async def run_servers(settings: Settings, *, exclusive: bool = False) -> AsyncIterator[ServerUrls]:
    """Have the servers for a time: start those nobody gave, or join the ones that run on this data folder.

    `alone` is for `serve`: it never joins servers that end with somebody else's command.
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
            started_servers = await _start_servers(settings, layout, process_user, secrets)
            stack.push_async_callback(_stop_servers, started_servers, use_lock, exclusive=exclusive)
        yield _server_urls(settings, layout, secrets)


@dataclass(frozen=True)
class _ReadinessCheck:
    """Whether the servers of a data folder answer."""

    settings: Settings
    layout: DataLayout
    secrets: GeneratedSecrets

    async def is_ready(self) -> bool:
        password = self.secrets.login_password
        return bool(self.settings.redis_url or await is_valkey_ready(self.layout)) and bool(
            self.settings.database_url or await is_postgres_ready(self.layout, "monynha", password, "monynha")
        )


async def _must_start(start_lock: FileLock, use_lock: FileLock, readiness: _ReadinessCheck, *, exclusive: bool) -> bool:
    """Either hold `running`, and have to start the servers, or a share of `users` of servers that answer.

    The keeper stops its servers only with all of `users` in hand: who has a share of it, and sees that
    `running` is somebody else's, has servers for as long as it wants.
    """
    has_warned = False
    while not start_lock.try_acquire():
        if exclusive and not has_warned:
            log.warning("waiting for another monynha command to end, which uses %s", readiness.layout.data_dir)
            has_warned = True
        if not exclusive and use_lock.try_acquire(shared=True) and await readiness.is_ready():
            return False
        await asyncio.sleep(_POLL_INTERVAL_S)
    use_lock.release()
    return True


async def _start_servers(
    settings: Settings, layout: DataLayout, process_user: ProcessUser, secrets: GeneratedSecrets
) -> list[SupervisedServer]:
    """Start what the settings leave unset, all at once; when one does not start, none stays."""
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
    """Stop the servers; a command first lets the others finish that joined it, `serve` was told to go."""
    if not exclusive:
        await use_lock.acquire()
    await asyncio.gather(*(server.stop() for server in servers))


def _server_urls(settings: Settings, layout: DataLayout, secrets: GeneratedSecrets) -> ServerUrls:
    database_url = settings.database_url or postgres_url(layout, secrets)
    owner_url = settings.database_owner_url or database_url
    return ServerUrls(database_url, owner_url, settings.redis_url or valkey_url(layout))

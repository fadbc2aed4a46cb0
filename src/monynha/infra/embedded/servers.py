"""The servers the program works with: those the settings name, and embedded ones for the rest."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.embedded.folder import Places, find_places, make_places, prepare
from monynha.infra.embedded.identity import Identity, choose_identity
from monynha.infra.embedded.locks import Lock
from monynha.infra.embedded.postgres_server import postgres_answers, postgres_url, start_postgres
from monynha.infra.embedded.secret_file import Secrets, keep_jwt_secret, open_secrets
from monynha.infra.embedded.supervised import Supervised
from monynha.infra.embedded.valkey_server import start_valkey, valkey_answers, valkey_url

log = logging.getLogger("monynha.embedded")

_PAUSE_S = 0.05


@dataclass(frozen=True)
class Servers:
    """Where the servers are: what the settings gave, or the embedded ones."""

    database_url: str
    owner_url: str
    redis_url: str


def with_secrets(settings: Settings) -> Settings:
    """The settings with a secret to sign tokens with: the given one, or the one made for this data folder."""
    if settings.jwt_secret:
        return settings
    return replace(settings, jwt_secret=open_secrets(settings.data_dir).jwt_secret)


def made_secret(settings: Settings) -> str | None:
    """The secret that signs tokens, if the program made it for itself and nobody else keeps it."""
    path = settings.data_dir / "secrets.json"
    is_made = path.exists() and open_secrets(settings.data_dir).jwt_secret == settings.jwt_secret
    return settings.jwt_secret if is_made else None


def keep_secret(settings: Settings, jwt_secret: str) -> None:
    """Take over the secret of another place, unless this one is given its own."""
    if made_secret(settings):
        keep_jwt_secret(settings.data_dir, jwt_secret)


@asynccontextmanager
async def servers(settings: Settings, *, alone: bool = False) -> AsyncIterator[Servers]:
    """Have the servers for a time: start those nobody gave, or join the ones that run on this data folder.

    `alone` is for `serve`: it never joins servers that end with somebody else's command.
    """
    if settings.database_url and settings.redis_url:
        owner = settings.database_owner_url or settings.database_url
        yield Servers(settings.database_url, owner, settings.redis_url)
        return
    prepare(settings.data_dir)
    secrets = open_secrets(settings.data_dir)
    identity = await choose_identity()
    places = find_places(settings.data_dir, identity)
    async with AsyncExitStack() as held:
        running = Lock(settings.data_dir / "servers.lock")
        users = Lock(settings.data_dir / "users.lock")
        held.callback(running.free)
        held.callback(users.free)
        if await _must_keep(running, users, _Question(settings, places, secrets), alone=alone):
            started = await _start(settings, places, identity, secrets)
            held.push_async_callback(_stop, started, users, alone=alone)
        yield _addresses(settings, places, secrets)


@dataclass(frozen=True)
class _Question:
    """Whether the servers of a data folder answer."""

    settings: Settings
    places: Places
    secrets: Secrets

    async def asked(self) -> bool:
        password = self.secrets.login_password
        return bool(self.settings.redis_url or await valkey_answers(self.places)) and bool(
            self.settings.database_url or await postgres_answers(self.places, "monynha", password, "monynha")
        )


async def _must_keep(running: Lock, users: Lock, up: _Question, *, alone: bool) -> bool:
    """Either hold `running`, and have to start the servers, or a share of `users` of servers that answer.

    The keeper stops its servers only with all of `users` in hand: who has a share of it, and sees that
    `running` is somebody else's, has servers for as long as it wants.
    """
    told = False
    while not running.take():
        if alone and not told:
            log.warning("waiting for another monynha command to end, which uses %s", up.places.data_dir)
            told = True
        if not alone and users.take(shared=True) and await up.asked():
            return False
        await asyncio.sleep(_PAUSE_S)
    users.free()
    return True


async def _start(
    settings: Settings, places: Places, identity: Identity, secrets: Secrets
) -> list[Supervised]:
    """Start what the settings leave unset, all at once; when one does not start, none stays."""
    tasks: list[asyncio.Task[Supervised]] = []
    try:
        make_places(places, identity)
        if not settings.database_url:
            tasks.append(asyncio.create_task(start_postgres(settings, places, identity, secrets)))
        if not settings.redis_url:
            tasks.append(asyncio.create_task(start_valkey(settings, places)))
        return await asyncio.gather(*tasks)
    except BaseException as cause:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Supervised):
                await result.stop()
        if isinstance(cause, OSError):
            full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
            said = "the disk is full" if full else f"{cause.filename}: {cause.strerror}"
            raise WrongSetting(f"MONYNHA_DATA_DIR: {said}") from cause
        raise


async def _stop(started: list[Supervised], users: Lock, *, alone: bool) -> None:
    """Stop the servers; a command first lets the others finish that joined it, `serve` was told to go."""
    if not alone:
        await users.wait()
    await asyncio.gather(*(server.stop() for server in started))


def _addresses(settings: Settings, places: Places, secrets: Secrets) -> Servers:
    database = settings.database_url or postgres_url(places, secrets)
    owner = settings.database_owner_url or database
    return Servers(database, owner, settings.redis_url or valkey_url(places))

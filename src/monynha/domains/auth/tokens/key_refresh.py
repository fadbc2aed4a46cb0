"""Keeps the keys of this process in step with the database, where another process may rotate them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from monynha.core.errors import AppError
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.signing_key_store import SigningKeyStore

_log = structlog.get_logger("monynha.auth")
INTERVAL_S = 3.0


@dataclass
class KeyRefresh:
    """Reads the keys at the start and then every few seconds."""

    store: SigningKeyStore
    access_tokens: AccessTokens
    interval_s: float = INTERVAL_S
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the keys, create the first one where the algorithm needs one, and go on reading in the background."""
        await self.refresh()
        keys = self.access_tokens.keys
        if keys.needs_key(self.store.clock()):
            await self.store.create_first(keys.algorithm)
            await self.refresh()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def refresh(self) -> None:
        """Read the keys; what a key that is gone has signed is refused from now on."""
        if self.access_tokens.keys.replace(await self.store.load(), self.store.clock()):
            self.access_tokens.forget_verified()

    def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        is_failing = False
        while True:
            await asyncio.sleep(self.interval_s)
            try:
                await self.refresh()
                is_failing = False
            except AppError as error:
                if not is_failing:
                    _log.warning("the signing keys could not be read", err={"type": type(error).__name__})
                is_failing = True

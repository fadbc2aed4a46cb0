"""A hosted Supabase as identity provider (`SUPABASE_URL`): its tokens are verified by its published keys.

The keys are fetched in the background, never while a request waits: every ten minutes, and soon when a token names
one that is not known, but not more often than every 30 seconds, so that forged tokens cause no flood of requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from monynha.domains.auth.tokens.jwk import parse_public_jwk
from monynha.domains.auth.tokens.jws import JwsError, JwsKey
from monynha.infra.outgoing_http import OutgoingHttp, OutgoingRequestError

_log = structlog.get_logger("monynha.auth")
_REFRESH_INTERVAL_S = 600.0
_MIN_INTERVAL_S = 30.0
_FIRST_FETCH_TIMEOUT_S = 3.0
_MAX_KEYS = 50


@dataclass
class ForeignIssuer:
    """The issuer of tokens that are not ours, and the keys that it publishes."""

    issuer: str
    http: OutgoingHttp
    creates_accounts: bool = True
    """Whether somebody whose token is first seen gets an account."""
    min_interval_s: float = _MIN_INTERVAL_S
    refresh_interval_s: float = _REFRESH_INTERVAL_S
    _keys: Mapping[str, JwsKey] = field(default_factory=dict)
    _wakes: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    on_revoked: Callable[[], None] | None = None
    """Called when a key is not published any more, whose tokens are refused from then on."""

    @classmethod
    def of_supabase(cls, url: str, http: OutgoingHttp, *, creates_accounts: bool) -> ForeignIssuer:
        """Return the issuer of a Supabase by its URL."""
        return cls(f"{url.rstrip('/')}/auth/v1", http, creates_accounts)

    def find(self, kid: str) -> JwsKey | None:
        """Return the key with an id; one that is not known is looked for in the background."""
        key = self._keys.get(kid)
        if key is None:
            self._wakes.set()
        return key

    async def start(self) -> None:
        """Fetch the keys, waiting a moment at most, and go on in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        first_fetch = asyncio.create_task(self._wait_for_keys())
        await asyncio.wait({first_fetch}, timeout=_FIRST_FETCH_TIMEOUT_S)
        first_fetch.cancel()

    def stop(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()

    async def _wait_for_keys(self) -> None:
        while not self._keys:
            await asyncio.sleep(0.02)

    async def _run(self) -> None:
        while True:
            await self._fetch()
            self._wakes.clear()
            # Keys that were fetched lately are not fetched again, whatever tokens name.
            await asyncio.sleep(self.min_interval_s)
            try:
                async with asyncio.timeout(self.refresh_interval_s - self.min_interval_s):
                    await self._wakes.wait()
            except TimeoutError:
                pass

    async def _fetch(self) -> None:
        url = f"{self.issuer}/.well-known/jwks.json"
        try:
            response = await self.http.fetch_json("GET", url)
        except OutgoingRequestError as error:
            _log.warning("SUPABASE_URL does not respond", err={"message": str(error)})
            return
        keys = response.fields.get("keys")
        if response.status != 200 or not isinstance(keys, list):
            _log.warning("SUPABASE_URL has no key set", status=response.status)
            return
        former, self._keys = self._keys, dict(_parse_keys(keys))
        if not former.keys() <= self._keys.keys() and self.on_revoked is not None:
            self.on_revoked()


def _parse_keys(jwks: list[object]) -> list[tuple[str, JwsKey]]:
    """Return the public keys by id; shared secrets and what cannot be read are left out."""
    keys: list[tuple[str, JwsKey]] = []
    for jwk in jwks[:_MAX_KEYS]:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
            continue
        try:
            keys.append((jwk["kid"], parse_public_jwk(jwk)))
        except JwsError:
            continue
    return keys

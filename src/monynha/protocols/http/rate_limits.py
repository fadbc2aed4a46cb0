"""Rate limits of HTTP requests: 429 with Retry-After, and RateLimit headers on every counted response."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from monynha.core.actor import Actor, ActorKind
from monynha.core.errors import RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.valkey import LeasedRateLimit, RateLimiter, RateLimitResult, RateLimitWindow, address_digest
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import encode_header_lines, encode_headers

AUTH_MESSAGE = "Too many authentication attempts, please try again later"
API_MESSAGE = "Too many API requests, please try again later"
UPLOAD_MESSAGE = "Too many file uploads, please try again later"
PUBLIC_MESSAGE = "Too many requests, please try again later"
_API, _PUBLIC = "api", "public"

HeaderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RateLimits:
    """Counts requests and rejects those over a limit; a limit that is None is off.

    Each method returns the RateLimit headers of the response, empty where nothing is limited, and raises
    RateLimitedError over a limit. API requests are counted in batches (see `LeasedRateLimit` for the slack),
    everything else is counted before it is allowed.
    """

    limiter: RateLimiter
    auth_per_account: Limit | None = None
    auth_per_ip: Limit | None = None
    api_per_user: Limit | None = None
    api_per_ip: Limit | None = None
    upload_per_user: Limit | None = None
    public_per_ip: Limit | None = None

    @classmethod
    def from_settings(cls, settings: Settings, limiter: RateLimiter) -> RateLimits:
        """Return the limits of the settings."""
        return cls(
            limiter,
            auth_per_account=settings.limit_auth,
            auth_per_ip=settings.limit_auth_address,
            api_per_user=settings.limit_api,
            api_per_ip=settings.limit_api_address,
            upload_per_user=settings.limit_upload,
            public_per_ip=settings.limit_public,
        )

    @property
    def limits_api(self) -> bool:
        """Whether any API request is counted."""
        return self.api_per_user is not None or self.api_per_ip is not None

    def subject(self, client_ip: str) -> str:
        """Return the subject of windows that count a client IP: an IPv6 client counts as its /64."""
        return rate_limit_subject(client_ip)

    async def count_sign_in(self, client_ip: str, account: str | None) -> HeaderPairs:
        """Count an authentication attempt: by IP, and by IP and account together."""
        subject = rate_limit_subject(client_ip)
        windows = [(subject, "auth", self.auth_per_ip)]
        if account is not None:
            windows.append((subject, f"auth:{address_digest(account)}", self.auth_per_account))
        return await self.count(AUTH_MESSAGE, *windows)

    async def is_first_rejection(self, client_ip: str) -> bool:
        """Whether no authentication attempt of the IP was rejected within the window; count this one."""
        if self.auth_per_account is None:
            return False
        limit = Limit(1, self.auth_per_account.window_s)
        [result] = await self.limiter.count([RateLimitWindow(rate_limit_subject(client_ip), "auth-rejected", limit)])
        return result.is_allowed

    async def count_api_request(self, client_ip: str, actor: Actor | None, cost: int = 1) -> bytes:
        """Count API requests by user, or by IP where nobody is signed in; return encoded header lines.

        Admins and the service key are exempt. `actor` is None for an invalid token, so that guessing tokens
        counts by IP; `cost` is the number of requests.
        """
        lines = self.try_count_api_request(client_ip, actor, cost)
        limit = self._api_limit(actor)
        if lines is not None or limit is None:
            return lines or b""
        return await limit.count(_api_subject(client_ip, actor), cost, API_MESSAGE)

    def try_count_api_request(self, client_ip: str, actor: Actor | None, cost: int = 1) -> bytes | None:
        """Do what `count_api_request` does without waiting; None where only that can decide."""
        limit = self._api_limit(actor)
        if limit is None:
            return b""
        allowed = limit.leased.try_count(_api_subject(client_ip, actor), cost)
        return None if allowed is None else limit.header_lines(*allowed)

    async def count_public_request(self, client_ip: str) -> bytes:
        """Count a request for what everybody may read, by IP; return encoded header lines."""
        limit = self._public_per_ip
        return b"" if limit is None else await limit.count(rate_limit_subject(client_ip), 1, PUBLIC_MESSAGE)

    def _api_limit(self, actor: Actor | None) -> _LeasedLimit | None:
        if actor is None or actor.id is None:
            is_exempt = actor is not None and actor.kind is ActorKind.SERVICE
            return None if is_exempt else self._api_per_ip
        return None if actor.is_admin else self._api_per_user

    @cached_property
    def _api_per_user(self) -> _LeasedLimit | None:
        return _LeasedLimit.create(self.limiter, _API, self.api_per_user)

    @cached_property
    def _api_per_ip(self) -> _LeasedLimit | None:
        return _LeasedLimit.create(self.limiter, _API, self.api_per_ip)

    @cached_property
    def _public_per_ip(self) -> _LeasedLimit | None:
        return _LeasedLimit.create(self.limiter, _PUBLIC, self.public_per_ip)

    async def close(self) -> None:
        """Report the requests that are counted only here."""
        for limit in (self._api_per_user, self._api_per_ip, self._public_per_ip):
            if limit is not None:
                await limit.leased.close()

    async def count_upload(self, request: Request, actor: Actor) -> None:
        """Count a file upload of a user; the response reports this limit instead of that of API requests."""
        if actor.id is None or actor.is_admin or actor.kind is not ActorKind.USER:
            return
        headers = await self.count(UPLOAD_MESSAGE, (str(actor.id), "upload", self.upload_per_user))
        if headers:
            request.response_header_lines = _header_lines(headers)

    async def count(self, message: str, *windows: tuple[str, str, Limit | None]) -> HeaderPairs:
        """Add one to all windows `(subject, action, limit)`, or to none if one of them is exceeded."""
        active_windows = [
            RateLimitWindow(subject, action, limit) for subject, action, limit in windows if limit is not None
        ]
        results = await self.limiter.count(active_windows)
        headers = rate_limit_headers(results)
        exceeded = [result for result in results if not result.is_allowed]
        if exceeded:
            retry_after_s = max(result.reset_s for result in exceeded)
            raise RateLimitedError(message, retry_after_s=retry_after_s, headers=headers)
        return headers


def _api_subject(client_ip: str, actor: Actor | None) -> str | UUID:
    """Return who an API request is counted for."""
    return rate_limit_subject(client_ip) if actor is None or actor.id is None else actor.id


@dataclass(frozen=True, slots=True)
class _LeasedLimit:
    """A limit on requests that are counted in batches, with the headers of its responses prepared."""

    leased: LeasedRateLimit
    header_template: bytes
    """The header lines, with what remains and the reset as their placeholders, each twice."""

    @classmethod
    def create(cls, limiter: RateLimiter, action: str, limit: Limit | None) -> _LeasedLimit | None:
        """Return the limit, None if it is off."""
        if limit is None:
            return None
        window = RateLimitWindow("", action, limit)
        return cls(LeasedRateLimit(limiter, action, limit), _header_lines(_header_values(window, "%d", "%d", [window])))

    async def count(self, subject: str | UUID, cost: int, message: str) -> bytes:
        """Count requests; return the headers of an allowed one, encoded. Raises RateLimitedError."""
        result = await self.leased.count(subject, cost)
        if not result.is_allowed:
            raise RateLimitedError(message, retry_after_s=result.reset_s, headers=rate_limit_headers([result]))
        return self.header_lines(result.remaining, result.reset_s)

    def header_lines(self, remaining: int, reset_s: int) -> bytes:
        """Return the headers of an allowed request, encoded."""
        return self.header_template % (remaining, reset_s, remaining, reset_s)


def rate_limit_headers(results: Sequence[RateLimitResult]) -> HeaderPairs:
    """Return the headers of the window with the least remaining, and the policies of all.

    `RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers; the other three are the form
    of its earlier revisions, which most clients read.
    """
    if not results:
        return ()
    tightest = min(results, key=lambda result: (result.is_allowed, result.remaining))
    windows = [result.window for result in results]
    return _header_values(tightest.window, str(tightest.remaining), str(tightest.reset_s), windows)


def _header_values(
    window: RateLimitWindow, remaining: str, reset_s: str, windows: Sequence[RateLimitWindow]
) -> HeaderPairs:
    policies = ", ".join(
        f'"{_policy_name(window)}";q={window.limit.count};w={window.limit.window_s}' for window in windows
    )
    return (
        ("RateLimit-Limit", str(window.limit.count)),
        ("RateLimit-Remaining", remaining),
        ("RateLimit-Reset", reset_s),
        ("RateLimit", f'"{_policy_name(window)}";r={remaining};t={reset_s}'),
        ("RateLimit-Policy", policies),
    )


def _header_lines(pairs: HeaderPairs) -> bytes:
    return encode_header_lines(encode_headers(*pairs))


def _policy_name(window: RateLimitWindow) -> str:
    # After the colon follows the digest of an account.
    policy, colon, _ = window.action.partition(":")
    return f"{policy}-account" if colon else policy


def rate_limit_subject(client_ip: str) -> str:
    """Return the key by which a client IP is counted: an IPv6 client is its /64 network, all of which it has."""
    try:
        parsed = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return client_ip[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

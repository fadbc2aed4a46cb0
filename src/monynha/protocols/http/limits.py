"""Rate limits as HTTP tells them: 429 with Retry-After, and what is left in headers."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import RateLimited
from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.infra.valkey import Allowance, Limiter, Window

AUTH_MESSAGE = "Too many authentication attempts, please try again later"
API_MESSAGE = "Too many API requests, please try again later"
UPLOAD_MESSAGE = "Too many file uploads, please try again later"

HeaderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Limits:
    """Counts requests and refuses those over a limit; a limit that is None is off.

    Each method returns the headers that tell what is left, and raises RateLimited over a limit.
    """

    limiter: Limiter
    auth: Limit | None = None
    auth_address: Limit | None = None
    api: Limit | None = None
    api_address: Limit | None = None
    upload: Limit | None = None

    @classmethod
    def of(cls, settings: Settings, limiter: Limiter) -> Limits:
        """Return the limits that the settings ask for."""
        return cls(
            limiter,
            auth=settings.limit_auth,
            auth_address=settings.limit_auth_address,
            api=settings.limit_api,
            api_address=settings.limit_api_address,
            upload=settings.limit_upload,
        )

    async def sign_in(self, address: str, account: str | None) -> HeaderPairs:
        """Count a try to sign in or the like: by account and address together, and by address alone."""
        subject = subject_of(address)
        windows = [(subject, "auth", self.auth_address)]
        if account is not None:
            # A digest, so that no list of who tried lies about in the cache.
            digest = hashlib.sha256(account.strip().lower().encode()).hexdigest()[:16]
            windows.append((subject, f"auth:{digest}", self.auth))
        return await self.count(AUTH_MESSAGE, *windows)

    async def api_request(self, address: str, user_id: UUID | None, times: int = 1) -> HeaderPairs:
        """Count a request to the API, or several: by user, or by address where nobody is signed in."""
        if user_id is not None:
            return await self.count(API_MESSAGE, (str(user_id), "api", self.api), times=times)
        window = (subject_of(address), "api", self.api_address)
        return await self.count(API_MESSAGE, window, times=times)

    async def upload_by(self, user_id: UUID) -> HeaderPairs:
        """Count a file that a user uploads."""
        return await self.count(UPLOAD_MESSAGE, (str(user_id), "upload", self.upload))

    async def count(
        self, message: str, *windows: tuple[str, str, Limit | None], times: int = 1
    ) -> HeaderPairs:
        """Count so often in all windows `(subject, action, limit)`, or in none where one is full."""
        counted = [Window(subject, action, limit) for subject, action, limit in windows if limit is not None]
        allowances = await self.limiter.count(counted, times)
        headers = told(allowances)
        full = [allowance for allowance in allowances if not allowance.is_allowed]
        if full:
            wait_s = max(allowance.reset_s for allowance in full)
            raise RateLimited(message, retry_after_s=wait_s, headers=headers)
        return headers


def told(allowances: Sequence[Allowance]) -> HeaderPairs:
    """Return the headers of the window that is nearest to its end, and the policies of all.

    `RateLimit` and `RateLimit-Policy` are those of the IETF draft, the three others its older form, which
    most clients read.
    """
    if not allowances:
        return ()
    tightest = min(allowances, key=lambda each: (each.is_allowed, each.remaining))
    limit = tightest.window.limit
    policies = ", ".join(
        f'"{_name(each.window)}";q={each.window.limit.count};w={each.window.limit.window_s}'
        for each in allowances
    )
    return (
        ("RateLimit-Limit", str(limit.count)),
        ("RateLimit-Remaining", str(tightest.remaining)),
        ("RateLimit-Reset", str(tightest.reset_s)),
        ("RateLimit", f'"{_name(tightest.window)}";r={tightest.remaining};t={tightest.reset_s}'),
        ("RateLimit-Policy", policies),
    )


def _name(window: Window) -> str:
    # What stands behind the colon says whose account it is.
    name, colon, _ = window.action.partition(":")
    return f"{name}-account" if colon else name


def subject_of(address: str) -> str:
    """Return by what a client's address is counted: an IPv6 client has its whole /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

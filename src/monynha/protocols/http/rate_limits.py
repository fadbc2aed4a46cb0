"""Rate limits as HTTP tells them: 429 with Retry-After, and what is left in headers."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.valkey import RateLimiter, RateLimitResult, RateLimitWindow

AUTH_MESSAGE = "Too many authentication attempts, please try again later"
API_MESSAGE = "Too many API requests, please try again later"
UPLOAD_MESSAGE = "Too many file uploads, please try again later"

HeaderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RateLimits:
    """Counts requests and refuses those over a limit; a limit that is None is off.

    Each method returns the headers that tell what is left, and raises RateLimited over a limit.
    """

    limiter: RateLimiter
    auth_per_account: Limit | None = None
    auth_per_ip: Limit | None = None
    api_per_user: Limit | None = None
    api_per_ip: Limit | None = None
    upload_per_user: Limit | None = None

    @classmethod
    def from_settings(cls, settings: Settings, limiter: RateLimiter) -> RateLimits:
        """Return the limits that the settings ask for."""
        return cls(
            limiter,
            auth_per_account=settings.limit_auth,
            auth_per_ip=settings.limit_auth_address,
            api_per_user=settings.limit_api,
            api_per_ip=settings.limit_api_address,
            upload_per_user=settings.limit_upload,
        )

    async def count_sign_in(self, client_ip: str, account: str | None) -> HeaderPairs:
        """Count a try to sign in or the like: by account and address together, and by address alone."""
        subject = rate_limit_subject(client_ip)
        windows = [(subject, "auth", self.auth_per_ip)]
        if account is not None:
            # A digest, so that no list of who tried lies about in the cache.
            digest = hashlib.sha256(account.strip().lower().encode()).hexdigest()[:16]
            windows.append((subject, f"auth:{digest}", self.auth_per_account))
        return await self.count(AUTH_MESSAGE, *windows)

    async def count_api_request(self, client_ip: str, user_id: UUID | None, cost: int = 1) -> HeaderPairs:
        """Count a request to the API, or several: by user, or by address where nobody is signed in."""
        if user_id is not None:
            return await self.count(API_MESSAGE, (str(user_id), "api", self.api_per_user), cost=cost)
        window = (rate_limit_subject(client_ip), "api", self.api_per_ip)
        return await self.count(API_MESSAGE, window, cost=cost)

    async def count_upload(self, user_id: UUID) -> HeaderPairs:
        """Count a file that a user uploads."""
        return await self.count(UPLOAD_MESSAGE, (str(user_id), "upload", self.upload_per_user))

    async def count(self, message: str, *windows: tuple[str, str, Limit | None], cost: int = 1) -> HeaderPairs:
        """Count so often in all windows `(subject, action, limit)`, or in none where one is full."""
        active_windows = [
            RateLimitWindow(subject, action, limit) for subject, action, limit in windows if limit is not None
        ]
        allowances = await self.limiter.count(active_windows, cost)
        headers = rate_limit_headers(allowances)
        exceeded = [allowance for allowance in allowances if not allowance.is_allowed]
        if exceeded:
            retry_after_s = max(allowance.reset_s for allowance in exceeded)
            raise RateLimitedError(message, retry_after_s=retry_after_s, headers=headers)
        return headers


def rate_limit_headers(allowances: Sequence[RateLimitResult]) -> HeaderPairs:
    """Return the headers of the window that is nearest to its end, and the policies of all.

    `RateLimit` and `RateLimit-Policy` are those of the IETF draft, the three others its older form, which
    most clients read.
    """
    if not allowances:
        return ()
    tightest = min(allowances, key=lambda each: (each.is_allowed, each.remaining))
    limit = tightest.window.limit
    policies = ", ".join(
        f'"{_policy_name(each.window)}";q={each.window.limit.count};w={each.window.limit.window_s}'
        for each in allowances
    )
    return (
        ("RateLimit-Limit", str(limit.count)),
        ("RateLimit-Remaining", str(tightest.remaining)),
        ("RateLimit-Reset", str(tightest.reset_s)),
        ("RateLimit", f'"{_policy_name(tightest.window)}";r={tightest.remaining};t={tightest.reset_s}'),
        ("RateLimit-Policy", policies),
    )


def _policy_name(window: RateLimitWindow) -> str:
    # What stands behind the colon says whose account it is.
    policy, colon, _ = window.action.partition(":")
    return f"{policy}-account" if colon else policy


def rate_limit_subject(client_ip: str) -> str:
    """Return by what a client's address is counted: an IPv6 client has its whole /64."""
    try:
        parsed = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return client_ip[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

"""Rate limits: 429, headers, who is counted by what, who is exempt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.valkey import RateLimiter, ValkeyClient
from monynha.protocols.http.rate_limits import RateLimits, rate_limit_subject
from monynha.protocols.http.response import decode_header_lines
from tests.protocols.http.test_request_log import make_request

FIVE = Limit(5, 900)


def rate_limits(**limits: Limit | None) -> RateLimits:
    """Return limits that are counted in memory, at a clock that stands still."""
    return RateLimits(RateLimiter(None, lambda: 1_800_000_000_000), **limits)


async def test_remaining_requests_are_in_the_standard_headers() -> None:
    headers = dict(
        await rate_limits(auth_per_account=FIVE, auth_per_ip=Limit(50, 900)).count_sign_in(
            "192.0.2.1", "ada@example.com"
        )
    )

    assert headers == {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "4",
        "RateLimit-Reset": "900",
        "RateLimit": '"auth-account";r=4;t=900',
        "RateLimit-Policy": '"auth";q=50;w=900, "auth-account";q=5;w=900',
    }


async def test_exceeded_limit_is_429_with_its_own_message() -> None:
    limits = rate_limits(
        auth_per_account=Limit(1, 900),
        api_per_user=Limit(1, 900),
        api_per_ip=Limit(1, 900),
        upload_per_user=Limit(1, 3600),
    )
    user, request = Actor(ActorKind.USER, id=uuid4()), make_request("/")
    errors = []
    counts: list[Callable[[], Awaitable[object]]] = [
        lambda: limits.count_sign_in("192.0.2.1", "ada@example.com"),
        lambda: limits.count_api_request("192.0.2.1", user),
        lambda: limits.count_api_request("192.0.2.1", None),
        lambda: limits.count_upload(request, user),
    ]
    for count in counts:
        await count()
        with pytest.raises(RateLimitedError) as raised:
            await count()
        errors.append((raised.value.message, raised.value.details, dict(raised.value.headers)["Retry-After"]))

    auth = "Too many authentication attempts, please try again later"
    api = "Too many API requests, please try again later"
    assert errors == [
        (auth, {"retryAfter": 900}, "900"),
        (api, {"retryAfter": 900}, "900"),
        (api, {"retryAfter": 900}, "900"),
        ("Too many file uploads, please try again later", {"retryAfter": 3600}, "3600"),
    ]
    assert dict(raised.value.headers)["RateLimit-Remaining"] == "0"


async def test_account_limit_is_low_and_shared_ip_limit_is_high() -> None:
    limits = rate_limits(auth_per_account=FIVE, auth_per_ip=Limit(50, 900))
    for _ in range(5):
        await limits.count_sign_in("192.0.2.1", "ada@example.com")
    with pytest.raises(RateLimitedError):
        await limits.count_sign_in("192.0.2.1", " ADA@example.com ")

    await limits.count_sign_in("192.0.2.2", "ada@example.com")
    for number in range(44):
        await limits.count_sign_in("192.0.2.1", f"colleague{number}@example.com")
    await limits.count_sign_in("192.0.2.1", None)
    with pytest.raises(RateLimitedError):
        await limits.count_sign_in("192.0.2.1", "colleague99@example.com")


async def test_api_request_reports_the_limit_in_prepared_lines() -> None:
    limits, user = rate_limits(api_per_user=Limit(3000, 900)), Actor(ActorKind.USER, id=uuid4())
    await limits.count_api_request("192.0.2.1", user)

    headers = dict(decode_header_lines(await limits.count_api_request("192.0.2.1", user)))
    # The slot of the window, a 64th of it, ends later than now.
    reset_s = headers[b"ratelimit-reset"].decode()
    assert 900 <= int(reset_s) <= 915
    assert headers == {
        b"ratelimit-limit": b"3000",
        b"ratelimit-remaining": b"2998",
        b"ratelimit-reset": reset_s.encode(),
        b"ratelimit": f'"api";r=2998;t={reset_s}'.encode(),
        b"ratelimit-policy": b'"api";q=3000;w=900',
    }


async def test_sign_in_is_counted_exactly_over_all_processes(running_servers: ServerUrls) -> None:
    """However high its limit is: a lease would let each process admit a few more."""
    clients = [await ValkeyClient.open(running_servers.redis_url) for _ in range(3)]
    replicas = [RateLimits(RateLimiter(client), auth_per_account=Limit(200, 900)) for client in clients]
    account = f"{uuid4().hex}@example.com"

    async def attempts(limits: RateLimits) -> int:
        allowed = 0
        for _ in range(100):
            try:
                await limits.count_sign_in("192.0.2.1", account)
            except RateLimitedError:
                continue
            allowed += 1
        return allowed

    assert sum(await asyncio.gather(*(attempts(limits) for limits in replicas))) == 200
    for client in clients:
        await client.close()


async def test_close_reports_requests_that_are_counted_only_here(running_servers: ServerUrls) -> None:
    valkey, user = await ValkeyClient.open(running_servers.redis_url), Actor(ActorKind.USER, id=uuid4())
    limits = RateLimits(RateLimiter(valkey), api_per_user=Limit(3000, 900))
    for _ in range(10):
        await limits.count_api_request("192.0.2.1", user)
    await limits.close()

    after_a_restart = RateLimits(RateLimiter(valkey), api_per_user=Limit(3000, 900))
    lines = await after_a_restart.count_api_request("192.0.2.1", user)
    assert b"ratelimit-remaining: 2989\r\n" in lines
    await valkey.close()


@pytest.mark.parametrize(
    "actor", [Actor(ActorKind.SERVICE), Actor(ActorKind.USER, id=uuid4(), is_admin=True)], ids=["service key", "admin"]
)
async def test_admins_and_the_service_key_are_exempt(actor: Actor) -> None:
    limits = rate_limits(api_per_user=Limit(1, 900), api_per_ip=Limit(1, 900))

    headers = [await limits.count_api_request("192.0.2.1", actor) for _ in range(3)]

    assert headers == [b"", b"", b""]


async def test_anonymous_requests_and_invalid_tokens_count_by_ip() -> None:
    limits = rate_limits(api_per_user=Limit(1, 900), api_per_ip=Limit(2, 900))
    await limits.count_api_request("192.0.2.1", ANONYMOUS)
    await limits.count_api_request("192.0.2.1", None)

    with pytest.raises(RateLimitedError):
        await limits.count_api_request("192.0.2.1", ANONYMOUS)
    await limits.count_api_request("192.0.2.2", ANONYMOUS)


async def test_a_batch_costs_as_many_requests_as_it_holds() -> None:
    limits = rate_limits(api_per_user=Limit(5, 900))
    user = Actor(ActorKind.USER, id=uuid4())

    headers = dict(decode_header_lines(await limits.count_api_request("192.0.2.1", user, 4)))

    assert headers[b"ratelimit-remaining"] == b"1"
    await limits.count_api_request("192.0.2.1", user)
    with pytest.raises(RateLimitedError):
        await limits.count_api_request("192.0.2.1", user)


async def test_disabled_limit_adds_no_headers() -> None:
    assert await rate_limits().count_sign_in("192.0.2.1", "ada@example.com") == ()
    assert await rate_limits().count_api_request("192.0.2.1", None) == b""


@pytest.mark.parametrize(
    ("client_ip", "subject"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not an IP" * 20, ("not an IP" * 20)[:64]),
    ],
)
def test_ipv6_client_is_counted_by_its_network(client_ip: str, subject: str) -> None:
    assert rate_limit_subject(client_ip) == subject


def test_limits_come_from_the_settings() -> None:
    settings = Settings.read({"MONYNHA_LIMIT_AUTH": "3/1m", "MONYNHA_LIMIT_API": "off"})

    limits = RateLimits.from_settings(settings, RateLimiter(None))

    assert (limits.auth_per_account, limits.auth_per_ip) == (Limit(3, 60), Limit(30, 60))
    assert (limits.api_per_user, limits.api_per_ip, limits.limits_api) == (None, None, False)

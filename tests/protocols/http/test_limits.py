"""Limits as HTTP tells them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from monynha.core.errors import RateLimited
from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.infra.valkey import Limiter
from monynha.protocols.http.limits import Limits, subject_of

FIVE = Limit(5, 900)


def limits(**chosen: Limit | None) -> Limits:
    return Limits(Limiter(None, lambda: 1_800_000_000_000), **chosen)


async def test_what_is_left_is_told_in_the_standard_headers() -> None:
    told = dict(await limits(auth=FIVE, auth_address=Limit(50, 900)).sign_in("192.0.2.1", "ada@example.com"))

    assert told == {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "4",
        "RateLimit-Reset": "900",
        "RateLimit": '"auth-account";r=4;t=900',
        "RateLimit-Policy": '"auth";q=50;w=900, "auth-account";q=5;w=900',
    }


async def test_over_the_limit_is_429_with_the_limiters_own_words() -> None:
    tested = limits(auth=Limit(1, 900), api=Limit(1, 900), api_address=Limit(1, 900), upload=Limit(1, 3600))
    user = uuid4()
    said = []
    counts: list[Callable[[], Awaitable[object]]] = [
        lambda: tested.sign_in("192.0.2.1", "ada@example.com"),
        lambda: tested.api_request("192.0.2.1", user),
        lambda: tested.api_request("192.0.2.1", None),
        lambda: tested.upload_by(user),
    ]
    for count in counts:
        await count()
        with pytest.raises(RateLimited) as raised:
            await count()
        said.append((raised.value.message, raised.value.details, dict(raised.value.headers)["Retry-After"]))

    auth = "Too many authentication attempts, please try again later"
    api = "Too many API requests, please try again later"
    assert said == [
        (auth, {"retryAfter": 900}, "900"),
        (api, {"retryAfter": 900}, "900"),
        (api, {"retryAfter": 900}, "900"),
        ("Too many file uploads, please try again later", {"retryAfter": 3600}, "3600"),
    ]
    assert dict(raised.value.headers)["RateLimit-Remaining"] == "0"


async def test_one_account_cannot_be_tried_often_and_an_office_is_not_locked_out() -> None:
    tested = limits(auth=FIVE, auth_address=Limit(50, 900))
    for _ in range(5):
        await tested.sign_in("192.0.2.1", "ada@example.com")
    with pytest.raises(RateLimited):
        await tested.sign_in("192.0.2.1", " ADA@example.com ")

    await tested.sign_in("192.0.2.2", "ada@example.com")
    for n in range(44):
        await tested.sign_in("192.0.2.1", f"colleague{n}@example.com")
    await tested.sign_in("192.0.2.1", None)
    with pytest.raises(RateLimited):
        await tested.sign_in("192.0.2.1", "colleague99@example.com")


async def test_a_limit_that_is_off_counts_and_tells_nothing() -> None:
    assert await limits().sign_in("192.0.2.1", "ada@example.com") == ()
    assert await limits().api_request("192.0.2.1", None) == ()


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not an address" * 20, ("not an address" * 20)[:64]),
    ],
)
def test_an_ipv6_client_counts_as_its_network(address: str, subject: str) -> None:
    assert subject_of(address) == subject


def test_the_settings_choose_the_limits() -> None:
    made = Limits.of(
        Settings.read({"MONYNHA_LIMIT_AUTH": "3/1m", "MONYNHA_LIMIT_UPLOAD": "off"}), Limiter(None)
    )

    assert (made.auth, made.auth_address, made.upload) == (Limit(3, 60), Limit(30, 60), None)

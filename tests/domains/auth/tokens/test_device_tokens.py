"""Device tokens: valid for one account, for a time, and made by nobody else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from monynha.domains.auth.tokens.device_tokens import LIFETIME, MAX_TOKENS, DeviceTokens
from tests.domains.auth.manual_clock import ManualClock

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 27, tzinfo=UTC))


@pytest.fixture
def devices(clock: ManualClock) -> DeviceTokens:
    return DeviceTokens("a secret", clock)


def test_a_token_is_recognized_however_the_address_is_written(devices: DeviceTokens) -> None:
    token = devices.add("", ADA)

    assert devices.find(token, ADA) is not None
    assert devices.find(token, f" {ADA.upper()} ") == devices.find(token, ADA)


def test_a_token_is_of_no_use_for_another_account(devices: DeviceTokens) -> None:
    assert devices.find(devices.add("", ADA), BOB) is None


def test_each_device_has_an_id_of_its_own(devices: DeviceTokens) -> None:
    assert devices.find(devices.add("", ADA), ADA) != devices.find(devices.add("", ADA), ADA)


def test_a_device_remembers_the_accounts_that_were_used_last(devices: DeviceTokens) -> None:
    tokens = ""
    accounts = [f"user{number}@example.com" for number in range(MAX_TOKENS + 2)]
    for account in accounts:
        tokens = devices.add(tokens, account)

    assert [account for account in accounts if devices.find(tokens, account)] == accounts[2:]


def test_an_account_has_one_token_on_a_device(devices: DeviceTokens) -> None:
    tokens = devices.add(devices.add(devices.add("", ADA), BOB), ADA)

    assert tokens.count(".") == 1


def test_a_token_expires(devices: DeviceTokens, clock: ManualClock) -> None:
    token = devices.add("", ADA)
    clock.advance(int(LIFETIME.total_seconds()) - 1)
    was_known = devices.find(token, ADA) is not None
    clock.advance(1)

    assert was_known
    assert devices.find(token, ADA) is None


def test_a_token_names_nobody(devices: DeviceTokens) -> None:
    token = devices.add("", ADA)

    assert b"ada" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@pytest.mark.parametrize("text", ["", ".", "x", "é", "A" * 50, "....", "=", "a b", "\x00" * 50])
def test_rubbish_is_no_token(devices: DeviceTokens, text: str) -> None:
    assert devices.find(text, ADA) is None
    assert devices.find(devices.add(text, ADA), ADA) is not None


def test_a_forged_token_is_refused(devices: DeviceTokens, clock: ManualClock) -> None:
    token = devices.add("", ADA)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))

    for index in range(len(raw)):
        changed = raw.copy()
        changed[index] ^= 1
        assert devices.find(base64.urlsafe_b64encode(changed).decode().rstrip("="), ADA) is None
    assert devices.find(DeviceTokens("another secret", clock).add("", ADA), ADA) is None


def test_only_so_many_tokens_are_looked_at(devices: DeviceTokens) -> None:
    tokens = ".".join(["x"] * 100) + "." + devices.add("", ADA)

    assert devices.find(tokens, ADA) is None

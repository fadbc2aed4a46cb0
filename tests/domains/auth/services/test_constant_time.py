"""Constant-time responses."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from monynha.domains.auth.services import constant_time
from monynha.domains.auth.services.constant_time import equalize_duration
from tests.conditions import SOON_S
from tests.domains.auth.conftest import MakeAuthApp, new_email


async def test_the_duration_does_not_reveal_whether_an_address_is_registered(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, response_step_s=0.25)
    registered, unknown = new_email(), new_email()
    await auth_app.sign_up(registered)

    durations_s = [
        (await auth_app.post("/recover", {"email": email})).elapsed.total_seconds() for email in (registered, unknown)
    ]

    # Each takes one whole step, however much work it was; on a busy machine more.
    assert all(seconds >= 0.24 for seconds in durations_s), durations_s


@pytest.mark.parametrize(("work_s", "waited_s"), [(0.01, 0.24), (0.24, 0.01), (0.7, 0.05)])
async def test_a_block_is_extended_to_the_end_of_its_step(
    monkeypatch: pytest.MonkeyPatch, work_s: float, waited_s: float
) -> None:
    clock, waits = iter((1000.0, 1000.0 + work_s)), AsyncMock()
    monkeypatch.setattr(constant_time, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(constant_time, "asyncio", SimpleNamespace(sleep=waits))

    async with equalize_duration(0.25):
        pass

    waits.assert_awaited_once_with(pytest.approx(waited_s))


@pytest.mark.parametrize("fails", [False, True])
async def test_a_block_takes_whole_steps_whether_it_fails_or_not(fails: bool) -> None:
    started_at = time.monotonic()

    with contextlib.suppress(RuntimeError):
        async with equalize_duration(0.1):
            if fails:
                raise RuntimeError

    assert time.monotonic() - started_at >= 0.09  # the event loop may wake up a millisecond early


async def test_a_success_takes_no_step_with_only_failures() -> None:
    started_at = time.monotonic()

    async with equalize_duration(60, only_failures=True):
        pass

    assert time.monotonic() - started_at < SOON_S

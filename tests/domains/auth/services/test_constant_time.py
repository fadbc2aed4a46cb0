"""Constant-time responses."""

from __future__ import annotations

import contextlib
import time

import pytest

from monynha.domains.auth.services.constant_time import equalize_duration
from tests.domains.auth.conftest import MakeAuthApp, new_email


async def test_the_duration_does_not_reveal_whether_an_address_is_registered(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, response_step_s=0.25)
    registered, unknown = new_email(), new_email()
    await auth_app.sign_up(registered)

    durations_s = [
        (await auth_app.post("/recover", {"email": email})).elapsed.total_seconds() for email in (registered, unknown)
    ]

    # Each takes one whole step, however much work it was; on a busy machine two.
    assert all(seconds % 0.25 < 0.08 and seconds > 0.2 for seconds in durations_s), durations_s


@pytest.mark.parametrize("fails", [False, True])
async def test_a_block_takes_whole_steps_whether_it_fails_or_not(fails: bool) -> None:
    started_at = time.monotonic()

    with contextlib.suppress(RuntimeError):
        async with equalize_duration(0.1):
            if fails:
                raise RuntimeError

    assert time.monotonic() - started_at >= 0.1


async def test_a_success_takes_no_step_with_only_failures() -> None:
    started_at = time.monotonic()

    async with equalize_duration(5, only_failures=True):
        pass

    assert time.monotonic() - started_at < 1

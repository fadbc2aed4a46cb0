"""Refresh tokens: what they look like, and when one is worth something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.domains.auth.tokens.refresh_tokens import (
    RefreshDecision,
    RefreshToken,
    RefreshTokenCodec,
    decide_refresh,
)

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
TOKENS = RefreshTokenCodec("a-secret-of-the-tests-that-is-long-enough")


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=each) for each in seconds]


def test_a_written_token_is_read_again_and_always_written_the_same() -> None:
    token = RefreshToken(uuid4(), 70_000)

    assert TOKENS.decode(TOKENS.encode(token)) == token
    assert TOKENS.encode(token) == TOKENS.encode(token)


def test_a_token_of_another_secret_is_unknown() -> None:
    foreign = RefreshTokenCodec("another-secret-that-is-long-enough-too").encode(RefreshToken(uuid4(), 0))

    assert TOKENS.decode(foreign) is None


def test_no_letter_of_a_token_can_be_changed() -> None:
    text = TOKENS.encode(RefreshToken(uuid4(), 3))

    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert TOKENS.decode(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", "é" * 48, "-" * 48, "\x00" * 48, "A" * 48, "A" * 47 + "=", "A" * 10_000])
def test_rubbish_is_unknown(text: str) -> None:
    assert TOKENS.decode(text) is None


@pytest.mark.parametrize(
    ("shown", "current", "rotated_at", "verdict"),
    [
        (0, 0, [], RefreshDecision.ROTATE),
        (7, 7, ago(5000), RefreshDecision.ROTATE),
        # The direct parent, whose child was not used: however long ago.
        (6, 7, ago(5000), RefreshDecision.REPEAT),
        (6, 7, [], RefreshDecision.REPEAT),
        # Older ones, for ten seconds after their own replacement.
        (5, 7, ago(1, 9), RefreshDecision.REPEAT),
        (5, 7, ago(1, 10), RefreshDecision.REPEAT),
        (5, 7, ago(1, 10.001), RefreshDecision.REUSED),
        (4, 7, ago(1, 2, 3), RefreshDecision.REPEAT),
        # A token of long ago is not saved by a refresh of a moment ago.
        (4, 7, ago(1, 2, 5000), RefreshDecision.REUSED),
        (1, 7, ago(1, 2), RefreshDecision.REUSED),
        (0, 7, [], RefreshDecision.REUSED),
        # Signed by us, but of a future that a restored backup has forgotten.
        (8, 7, ago(1), RefreshDecision.UNKNOWN),
    ],
)
def test_a_shown_token_is_judged(
    shown: int, current: int, rotated_at: list[datetime], verdict: RefreshDecision
) -> None:
    assert decide_refresh(shown, current, rotated_at, now=NOW, reuse_interval_s=10) is verdict


def test_an_interval_of_nothing_tolerates_the_direct_parent_alone() -> None:
    assert decide_refresh(6, 7, ago(0), now=NOW, reuse_interval_s=0) is RefreshDecision.REPEAT
    assert decide_refresh(5, 7, ago(1, 1), now=NOW, reuse_interval_s=0) is RefreshDecision.REUSED

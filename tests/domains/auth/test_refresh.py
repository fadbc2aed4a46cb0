"""Refresh tokens: what they look like, and when one is worth something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.domains.auth.refresh import RefreshToken, RefreshTokens, Verdict, judge

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
TOKENS = RefreshTokens("a-secret-of-the-tests-that-is-long-enough")


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=each) for each in seconds]


def test_a_written_token_is_read_again_and_always_written_the_same() -> None:
    token = RefreshToken(uuid4(), 70_000)

    assert TOKENS.read(TOKENS.write(token)) == token
    assert TOKENS.write(token) == TOKENS.write(token)


def test_a_token_of_another_secret_is_unknown() -> None:
    foreign = RefreshTokens("another-secret-that-is-long-enough-too").write(RefreshToken(uuid4(), 0))

    assert TOKENS.read(foreign) is None


def test_no_letter_of_a_token_can_be_changed() -> None:
    text = TOKENS.write(RefreshToken(uuid4(), 3))

    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert TOKENS.read(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "x", "é" * 48, "-" * 48, "\x00" * 48, "A" * 48, "A" * 47 + "=", "A" * 10_000]
)
def test_rubbish_is_unknown(text: str) -> None:
    assert TOKENS.read(text) is None


@pytest.mark.parametrize(
    ("shown", "current", "rotated_at", "verdict"),
    [
        (0, 0, [], Verdict.ROTATE),
        (7, 7, ago(5000), Verdict.ROTATE),
        # The direct parent, whose child was not used: however long ago.
        (6, 7, ago(5000), Verdict.REPEAT),
        (6, 7, [], Verdict.REPEAT),
        # Older ones, for ten seconds after their own replacement.
        (5, 7, ago(1, 9), Verdict.REPEAT),
        (5, 7, ago(1, 10), Verdict.REPEAT),
        (5, 7, ago(1, 10.001), Verdict.REUSED),
        (4, 7, ago(1, 2, 3), Verdict.REPEAT),
        # A token of long ago is not saved by a refresh of a moment ago.
        (4, 7, ago(1, 2, 5000), Verdict.REUSED),
        (1, 7, ago(1, 2), Verdict.REUSED),
        (0, 7, [], Verdict.REUSED),
        # Signed by us, but of a future that a restored backup has forgotten.
        (8, 7, ago(1), Verdict.UNKNOWN),
    ],
)
def test_a_shown_token_is_judged(
    shown: int, current: int, rotated_at: list[datetime], verdict: Verdict
) -> None:
    assert judge(shown, current, rotated_at, now=NOW, reuse_interval_s=10) is verdict


def test_an_interval_of_nothing_tolerates_the_direct_parent_alone() -> None:
    assert judge(6, 7, ago(0), now=NOW, reuse_interval_s=0) is Verdict.REPEAT
    assert judge(5, 7, ago(1, 1), now=NOW, reuse_interval_s=0) is Verdict.REUSED

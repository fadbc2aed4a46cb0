"""Refresh tokens: their text, and how long a replaced one is accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.domains.auth.tokens.refresh_tokens import RefreshDecision, RefreshToken, RefreshTokenCodec, decide_refresh

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


TOKENS = RefreshTokenCodec("a-secret-of-the-tests-that-is-long-enough")


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=age_s) for age_s in seconds]


def test_a_token_is_decoded_and_its_text_is_always_the_same() -> None:
    token = RefreshToken(uuid4(), 70_000)

    assert TOKENS.decode(TOKENS.encode(token)) == token
    assert TOKENS.encode(token) == TOKENS.encode(token)


def test_a_token_of_another_secret_is_invalid() -> None:
    foreign = RefreshTokenCodec("another-secret-that-is-long-enough-too").encode(RefreshToken(uuid4(), 0))

    assert TOKENS.decode(foreign) is None


def test_no_character_of_a_token_can_be_changed() -> None:
    text = TOKENS.encode(RefreshToken(uuid4(), 3))

    for index in range(len(text)):
        other = "A" if text[index] != "A" else "B"
        assert TOKENS.decode(text[:index] + other + text[index + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", "é" * 48, "-" * 48, "\x00" * 48, "A" * 48, "A" * 47 + "=", "A" * 10_000])
def test_a_malformed_token_is_invalid(text: str) -> None:
    assert TOKENS.decode(text) is None


@pytest.mark.parametrize(
    ("presented", "current", "rotated_at", "decision"),
    [
        (0, 0, [], RefreshDecision.ROTATE),
        (7, 7, ago(5000), RefreshDecision.ROTATE),
        # The direct parent, while its child is unused, however old.
        (6, 7, ago(5000), RefreshDecision.REPEAT),
        (6, 7, [], RefreshDecision.REPEAT),
        # Older ones for ten seconds after their own replacement.
        (5, 7, ago(1, 9), RefreshDecision.REPEAT),
        (5, 7, ago(1, 10), RefreshDecision.REPEAT),
        (5, 7, ago(1, 10.001), RefreshDecision.REUSED),
        (4, 7, ago(1, 2, 3), RefreshDecision.REPEAT),
        # A recent refresh does not make an old token acceptable.
        (4, 7, ago(1, 2, 5000), RefreshDecision.REUSED),
        (1, 7, ago(1, 2), RefreshDecision.REUSED),
        (0, 7, [], RefreshDecision.REUSED),
        # Signed by us, but unknown to a restored backup.
        (8, 7, ago(1), RefreshDecision.UNKNOWN),
    ],
)
def test_a_replaced_token_is_accepted_for_the_reuse_interval(
    presented: int, current: int, rotated_at: list[datetime], decision: RefreshDecision
) -> None:
    assert decide_refresh(presented, current, rotated_at, now=NOW, reuse_interval_s=10) is decision


def test_an_interval_of_zero_accepts_the_direct_parent_only() -> None:
    assert decide_refresh(6, 7, ago(0), now=NOW, reuse_interval_s=0) is RefreshDecision.REPEAT
    assert decide_refresh(5, 7, ago(1, 1), now=NOW, reuse_interval_s=0) is RefreshDecision.REUSED

"""The rate limit of one socket, under a clock of the test's own."""

from __future__ import annotations

from monynha.protocols.http.server.token_bucket import TokenBucket, message_cost


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_burst_is_allowed_and_refilled_at_the_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(clock, rate_per_s=10, burst=3)

    assert [bucket.try_take() for _ in range(4)] == [True, True, True, False]
    clock.now = 0.1
    assert [bucket.try_take() for _ in range(2)] == [True, False]
    clock.now = 1000
    assert [bucket.try_take() for _ in range(4)] == [True, True, True, False]


def test_a_message_costs_by_its_length() -> None:
    clock = Clock()
    bucket = TokenBucket(clock, rate_per_s=10, burst=3)

    assert [message_cost(b"x" * size) for size in (0, 8_191, 8_192, 1_000_000)] == [1, 1, 2, 123]
    assert (bucket.try_take(4), bucket.try_take(3), bucket.is_empty) == (False, True, True)
    clock.now = 0.1
    assert not bucket.is_empty


def test_each_flood_is_warned_of_once() -> None:
    clock = Clock()
    bucket = TokenBucket(clock, rate_per_s=10, burst=4)
    while bucket.try_take():
        pass

    assert [bucket.should_warn() for _ in range(2)] == [True, False]
    clock.now = 10
    assert bucket.try_take()
    assert bucket.should_warn()

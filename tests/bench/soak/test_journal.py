"""The journal of the endurance test tells lost, repeated and misplaced events."""

from __future__ import annotations

from bench.soak.journal import Change, Journal, Subscription, undelivered

FIRST = Change("task_created", "t1", "w0 1")
SECOND = Change("task_updated", "t1", "w0 2")


def test_events_that_come_once_and_in_order_are_right() -> None:
    journal = Journal({FIRST, SECOND})
    subscriptions = [Subscription(journal, 4), Subscription(journal, 4)]

    problems = [
        each.receive(version, change) for each in subscriptions for version, change in ((5, FIRST), (6, SECOND))
    ]

    assert problems == [None, None, None, None]
    assert undelivered(journal, subscriptions, 6) == []


def test_a_gap_is_reported_once() -> None:
    subscription = Subscription(Journal(), 4)

    problems = [subscription.receive(6, FIRST), subscription.receive(7, SECOND)]

    assert problems == ["version 6 came where 5 was next", None]


def test_a_repeated_version_is_reported() -> None:
    subscription = Subscription(Journal(), 4)

    problems = [subscription.receive(5, FIRST), subscription.receive(5, FIRST)]

    assert problems == [None, "version 5 came where 6 was next"]


def test_subscribers_must_receive_the_same_change_under_a_version() -> None:
    journal = Journal()

    problems = [Subscription(journal, 4).receive(5, change) for change in (FIRST, SECOND)]

    assert problems == [None, "version 5 is another change than for other subscribers"]


def test_a_subscriber_that_is_behind_is_reported() -> None:
    journal = Journal({FIRST})
    subscriptions = [Subscription(journal, 0), Subscription(journal, 0)]
    subscriptions[0].receive(1, FIRST)

    assert undelivered(journal, subscriptions, 1) == ["1 of 2 subscribers lack up to 1 events"]


def test_a_committed_change_without_an_event_is_reported() -> None:
    journal = Journal({FIRST, SECOND})
    subscription = Subscription(journal, 0)
    subscription.receive(1, FIRST)

    assert undelivered(journal, [subscription], 1) == [f"1 committed changes have no event, as {SECOND}"]


def test_a_change_with_two_events_is_reported() -> None:
    journal = Journal({FIRST})
    subscription = Subscription(journal, 0)
    for version in (1, 2):
        subscription.receive(version, FIRST)

    assert undelivered(journal, [subscription], 2) == ["1 events repeat a change"]

"""The budget of an event: shared by the subscriptions of one socket."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.core.errors import BadRequestError
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.engine.realtime.event_log import Stream
from monynha.protocols.graphql.schema.field_bindings import EventSubscriptionBinding
from monynha.protocols.graphql.subscriptions.event_budget import EventBudget
from monynha.protocols.graphql.subscriptions.plan import EventPayload, SubscriptionPlan

STREAM, OTHER_STREAM = Stream("project", UUID(int=1)), Stream("project", UUID(int=2))


def plan(max_characters: int, stream: Stream = STREAM) -> SubscriptionPlan:
    """Return a plan of which only the size matters."""
    binding = EventSubscriptionBinding.__new__(EventSubscriptionBinding)
    return SubscriptionPlan("a", binding, stream, None, (), None, True, max_characters)


def test_subscriptions_of_a_stream_share_the_declared_characters() -> None:
    budget = EventBudget(AnswerLimits(max_characters=100))
    first = plan(60)
    budget.add(first)
    budget.add(plan(60, OTHER_STREAM))

    with pytest.raises(BadRequestError) as error:
        budget.add(plan(41))
    assert error.value.details == {"limit": 100, "cost": 101, "of": "characters"}
    budget.remove(first)
    budget.add(plan(41))


def test_results_of_one_event_share_the_bytes() -> None:
    budget = EventBudget(AnswerLimits(max_bytes=100))
    first, second = EventPayload({"resumeToken": "1"}), EventPayload({"resumeToken": "2"})
    budget.count(first, b"x" * 60)
    budget.count(second, b"x" * 60)
    budget.count(first, b"x" * 40)

    with pytest.raises(BadRequestError):
        budget.count(first, b"x")
    for number in range(100):
        budget.count(EventPayload({"resumeToken": str(number + 3)}), b"x" * 100)

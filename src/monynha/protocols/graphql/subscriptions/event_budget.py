"""What one event may make a socket receive, over all subscriptions that run on it."""

from __future__ import annotations

from monynha.core.errors import BadRequestError
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.protocols.graphql.subscriptions.plan import EventPayload, SubscriptionPlan
from monynha.protocols.realtime.event_bytes import EventBytes


class EventBudget:
    """Applies the limits of one answer to all that one event causes on a socket."""

    def __init__(self, limits: AnswerLimits) -> None:
        self._limits = limits
        self._plans: set[SubscriptionPlan] = set()
        self._event_bytes = EventBytes(limits.max_bytes)

    def add(self, new_plan: SubscriptionPlan) -> None:
        """Add a subscription; raise BadRequestError if an event could cause too many characters then."""
        same_stream = (plan.max_characters for plan in self._plans if plan.stream == new_plan.stream)
        characters, limit = new_plan.max_characters + sum(same_stream), self._limits.max_characters
        if characters > limit:
            raise BadRequestError(
                f"With this subscription an event could cause {characters} characters on this connection, by the "
                f"declared lengths of the selected fields; at most {limit} are allowed. Select less.",
                details={"limit": limit, "cost": characters, "of": "characters"},
            )

        self._plans.add(new_plan)

    def remove(self, plan: SubscriptionPlan) -> None:
        """Remove a subscription that has ended."""
        self._plans.discard(plan)

    def count(self, payload: EventPayload, result: bytes) -> None:
        """Count the result of an event; raise BadRequestError if its results have too many bytes together."""
        # The resume token names one event of one stream.
        if not self._event_bytes.try_count(payload.values.get("resumeToken"), len(result)):
            raise BadRequestError(
                f"The event caused more than {self._limits.max_bytes} bytes on this connection. Select less.",
                details={"limit": self._limits.max_bytes, "of": "bytes"},
            )

"""Declare ephemeral events: what subscribers of a stream show each other without storing it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EphemeralEvent:
    """An ephemeral event, as the cursor position of somebody in a project.

    A client sends a message of type `request_type` over `/ws`; the other subscribers of the stream receive one of
    type `event_type`. In GraphQL it is the subscription `subscription_field`.
    """

    stream_kind: str
    request_type: str
    event_type: str
    payload_field: str
    """The key of both messages that holds what is shown: any JSON."""
    subscription_field: str

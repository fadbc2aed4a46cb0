"""What sockets of `/ws` are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.realtime.broadcast import Broadcaster
from monynha.engine.realtime.hub import Hub
from monynha.engine.schema.catalog import Catalog
from monynha.infra.postgres.database import Database

VerifyToken = Callable[[str], tuple[Actor, float | None]]
"""Verifies a token: who it speaks for, and when it ends."""


@dataclass(frozen=True)
class EphemeralEvent:
    """Something that people in a stream show each other and nobody keeps, as where their cursor is.

    `said` and `heard` are the messages of `/ws`, `subscription` is what GraphQL calls hearing it.
    """

    stream_kind: str
    request_type: str
    event_type: str
    payload_field: str
    subscription_field: str


@dataclass(frozen=True)
class WebSocketContext:
    """What every socket needs."""

    catalog: Catalog
    database: Database
    mutations: Mutations
    hub: Hub
    broadcaster: Broadcaster
    verify_token: VerifyToken
    ephemeral_events: Mapping[str, EphemeralEvent]

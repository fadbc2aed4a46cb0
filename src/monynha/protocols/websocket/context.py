"""The services that every `/ws` socket uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.realtime.broadcast import Broadcaster
from monynha.engine.realtime.hub import Hub
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.infra.postgres.database import Database


@dataclass(frozen=True)
class WebSocketContext:
    """Constructed once per process."""

    catalog: Catalog
    database: Database
    mutations: Mutations
    hub: Hub
    broadcaster: Broadcaster
    verify_token: Callable[[str], Actor]
    """Returns whom an access token authenticates; UnauthenticatedError for an invalid one."""
    ephemeral_events: Mapping[str, EphemeralEvent]
    """By the type of the message with which a client sends one."""
    max_event_bytes: int
    """How long the message of an event may be."""

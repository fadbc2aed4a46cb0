"""The services that every Phoenix channel uses."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.engine.realtime.broadcast import Broadcaster
from monynha.engine.realtime.hub import Hub
from monynha.engine.schema.catalog import Catalog
from monynha.infra.postgres.database import Database
from monynha.protocols.phoenix.presence import Presence
from monynha.protocols.phoenix.tokens import VerifyToken


@dataclass(frozen=True)
class PhoenixContext:
    """Constructed once per process."""

    catalog: Catalog
    database: Database
    hub: Hub
    broadcaster: Broadcaster
    presence: Presence
    verify_token: VerifyToken
    max_event_bytes: int
    """How many bytes one event may make a socket receive, over all its channels."""

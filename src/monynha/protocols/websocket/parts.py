"""What sockets of `/ws` are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.engine.catalog import Catalog
from monynha.engine.mutate import Mutate
from monynha.engine.rooms import Rooms
from monynha.engine.subscribe import Hub
from monynha.infra.postgres.database import Database

Tell = Callable[[str], tuple[Actor, float | None]]
"""Verifies a token: who it speaks for, and when it ends."""


@dataclass(frozen=True)
class Gesture:
    """Something that people in a stream show each other and nobody keeps, as where their cursor is.

    `said` and `heard` are the messages of `/ws`, `subscription` is what GraphQL calls hearing it.
    """

    kind: str
    said: str
    heard: str
    field: str
    subscription: str


@dataclass(frozen=True)
class Live:
    """What every socket needs."""

    catalog: Catalog
    database: Database
    mutate: Mutate
    hub: Hub
    rooms: Rooms
    verify: Tell
    gestures: Mapping[str, Gesture]

"""The domains, in order: each may know those before it. A new noun is one word here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from monynha.domains.projects.ephemeral_events import CURSOR_EVENT
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource

DOMAINS = ("auth", "users", "posts", "projects", "tasks", "notifications", "activity")
"""The packages below `monynha.domains`, in the order in which their policies are applied."""


def _resources_of(domain: str) -> Iterator[Resource]:
    """Yield what a domain's face shows, what others belong to first."""
    exports = vars(importlib.import_module(f"monynha.domains.{domain}")).values()
    yield from sorted((one for one in exports if isinstance(one, Resource)), key=lambda one: one.parent is not None)


CATALOG = Catalog.from_resources(one for domain in DOMAINS for one in _resources_of(domain))

EPHEMERAL_EVENTS = (CURSOR_EVENT,)
"""What people show each other on sockets and nobody keeps."""

"""The list of domains and their resources; a new domain is one word here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from monynha.domains.projects.ephemeral_events import CURSOR_EVENT
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource

DOMAINS = (
    "audit",
    "auth",
    "users",
    "sessions",
    "people",
    "jobs",
    "posts",
    "projects",
    "invitations",
    "tasks",
    "storage",
    "files",
    "notifications",
    "activity",
    "reports",
    "exports",
)
"""The packages below `monynha.domains`; each may import those before it. Their policies are applied in this order."""


def _resources_of(domain: str) -> Iterator[Resource]:
    """Yield the resources that the package of a domain exports, parents before their children."""
    exports = vars(importlib.import_module(f"monynha.domains.{domain}")).values()
    yield from sorted(
        (export for export in exports if isinstance(export, Resource)), key=lambda resource: resource.parent is not None
    )


CATALOG = Catalog.from_resources(resource for domain in DOMAINS for resource in _resources_of(domain))

EPHEMERAL_EVENTS = (CURSOR_EVENT,)
"""The events that clients send to each other over sockets and that are not stored."""

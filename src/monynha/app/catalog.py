"""The domains, in order: each may know those before it. A new noun is one word here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from monynha.domains.projects.gestures import CURSOR
from monynha.engine.catalog import Catalog
from monynha.engine.resource import Resource

DOMAINS = ("auth", "users", "posts", "projects", "tasks", "notifications", "activity")
"""The packages below `monynha.domains`, in the order in which their policies are applied."""


def _resources(domain: str) -> Iterator[Resource]:
    """Yield what a domain's face shows, what others belong to first."""
    face = vars(importlib.import_module(f"monynha.domains.{domain}")).values()
    yield from sorted(
        (one for one in face if isinstance(one, Resource)), key=lambda one: one.within is not None
    )


CATALOG = Catalog.of(one for domain in DOMAINS for one in _resources(domain))

GESTURES = (CURSOR,)
"""What people show each other on sockets and nobody keeps."""

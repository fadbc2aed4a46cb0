"""All routes of /auth/v1, with errors told as its clients expect."""

from __future__ import annotations

from monynha.domains.auth.auth import Auth
from monynha.domains.auth.http import about, administering, entering, not_enabled, own, proving
from monynha.domains.auth.http.answers import told
from monynha.protocols.http.router import Area

PREFIX = "/auth/v1"


def area(auth: Auth) -> Area:
    """Return the routes of /auth/v1."""
    groups = (about, entering, own, proving, administering, not_enabled)
    return Area(PREFIX, tuple(route for group in groups for route in group.routes(auth)), told)

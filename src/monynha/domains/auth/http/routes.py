"""All routes of /auth/v1, with errors told as its clients expect."""

from __future__ import annotations

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http import admin, settings, token, unsupported, user, verify
from monynha.domains.auth.http.responses import error_response
from monynha.protocols.http.router import RouteGroup

PREFIX = "/auth/v1"


def route_group(auth: AuthServices) -> RouteGroup:
    """Return the routes of /auth/v1."""
    groups = (settings, token, user, verify, admin, unsupported)
    return RouteGroup(PREFIX, tuple(route for group in groups for route in group.routes(auth)), error_response)

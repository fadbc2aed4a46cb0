"""All routes of /auth/v1, with errors rendered in GoTrue's format."""

from __future__ import annotations

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.admin import AdminRoutes
from monynha.domains.auth.http.audit import AuditLogRoutes
from monynha.domains.auth.http.responses import error_response
from monynha.domains.auth.http.settings import SettingsRoutes
from monynha.domains.auth.http.token import TokenRoutes
from monynha.domains.auth.http.unsupported import UnsupportedRoutes
from monynha.domains.auth.http.user import UserRoutes
from monynha.domains.auth.http.verify import VerifyRoutes
from monynha.protocols.http.router import RouteGroup

PREFIX = "/auth/v1"


def route_group(auth: AuthServices) -> RouteGroup:
    """Return the routes of /auth/v1."""
    routes = (
        *SettingsRoutes(auth).routes,
        *TokenRoutes(auth).routes,
        *UserRoutes(auth).routes,
        *VerifyRoutes(auth).routes,
        *AdminRoutes(auth).routes,
        *AuditLogRoutes(auth).routes,
        *UnsupportedRoutes(auth).routes,
    )
    return RouteGroup(PREFIX, routes, error_response)

"""All routes of /auth/v1, with errors rendered in GoTrue's format."""

from __future__ import annotations

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.admin import AdminRoutes
from monynha.domains.auth.http.admin_factors import AdminFactorRoutes
from monynha.domains.auth.http.audit import AuditLogRoutes
from monynha.domains.auth.http.factors import FactorRoutes
from monynha.domains.auth.http.identities import IdentityRoutes
from monynha.domains.auth.http.oauth_authorizations import OAuthAuthorizationRoutes
from monynha.domains.auth.http.oauth_clients import OAuthClientRoutes
from monynha.domains.auth.http.oauth_metadata import OAuthMetadataRoutes
from monynha.domains.auth.http.oauth_token import OAuthTokenRoutes
from monynha.domains.auth.http.passkeys import PasskeyRoutes
from monynha.domains.auth.http.providers import ProviderRoutes
from monynha.domains.auth.http.recovery_codes import RecoveryCodeRoutes
from monynha.domains.auth.http.responses import error_response
from monynha.domains.auth.http.settings import SettingsRoutes
from monynha.domains.auth.http.token import TokenRoutes
from monynha.domains.auth.http.unsupported import UNSUPPORTED_ROUTES
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
        *ProviderRoutes(auth).routes,
        *IdentityRoutes(auth).routes,
        *AdminRoutes(auth).routes,
        *AuditLogRoutes(auth).routes,
        *FactorRoutes(auth).routes,
        *RecoveryCodeRoutes(auth).routes,
        *PasskeyRoutes(auth).routes,
        *AdminFactorRoutes(auth).routes,
        *OAuthAuthorizationRoutes(auth).routes,
        *OAuthTokenRoutes(auth).routes,
        *OAuthClientRoutes(auth).routes,
        *OAuthMetadataRoutes(auth).routes,
        *UNSUPPORTED_ROUTES,
    )
    return RouteGroup(PREFIX, routes, error_response)


def site_route_group(auth: AuthServices) -> RouteGroup:
    """Return the routes that standards put at the root of the site."""
    return OAuthMetadataRoutes(auth).site_routes

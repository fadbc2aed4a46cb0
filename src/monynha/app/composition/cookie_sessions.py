"""Builds cookie sessions: their routes, and who may read files by a cookie."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.settings.settings import Settings
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.tokens.file_tokens import FileTokens
from monynha.domains.sessions.http import CookieSessionRoutes, FileCookieAuthenticator, SameSite, SessionCookies
from monynha.protocols.http.router import RouteGroup
from monynha.protocols.http.secure_transport import secure_transport_detector
from monynha.protocols.rest.context import Authenticate, RestContext


@dataclass(frozen=True)
class CookieSessions:
    """The routes of cookie sessions, and what authenticates requests that only read a file."""

    routes: RouteGroup
    authenticate_reader: Authenticate


def cookie_sessions(settings: Settings, rest: RestContext, auth: AuthServices) -> CookieSessions:
    """Build both on the same cookies."""
    is_secure = secure_transport_detector(settings.site_url, settings.trusted_proxies)
    cookies = SessionCookies(is_secure)
    file_tokens = FileTokens(settings.jwt_secret, auth.clock)
    same_site = SameSite(settings.site_url, is_secure)
    return CookieSessions(
        CookieSessionRoutes(rest, auth, file_tokens, cookies, same_site).route_group,
        FileCookieAuthenticator(auth.authenticate, file_tokens, cookies),
    )

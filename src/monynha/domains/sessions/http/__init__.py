"""HTTP endpoints of sessions.

sessions         sign out everywhere, or everywhere else
cookie_sessions  sign in, refresh and sign out with a cookie, for the web app
cookies          the two cookies, and who may read files by the second
same_site        refuses requests of other sites
"""

from monynha.domains.sessions.http.cookie_sessions import COOKIE_SESSION_DOCS, CookieSessionRoutes
from monynha.domains.sessions.http.cookies import FileCookieAuthenticator, SessionCookies
from monynha.domains.sessions.http.same_site import SameSite
from monynha.domains.sessions.http.sessions import SESSION_DOCS, SessionRoutes

__all__ = [
    "COOKIE_SESSION_DOCS",
    "SESSION_DOCS",
    "CookieSessionRoutes",
    "FileCookieAuthenticator",
    "SameSite",
    "SessionCookies",
    "SessionRoutes",
]

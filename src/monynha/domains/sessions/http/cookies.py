"""The two cookies of a session in a browser: its refresh token, and a token that reads files."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.domains.auth.services.authentication import BearerAuthenticator
from monynha.domains.auth.tokens.file_tokens import FileTokens
from monynha.protocols.http.cookies import CookieKind
from monynha.protocols.http.request import Request
from monynha.protocols.http.secure_transport import IsSecure
from monynha.protocols.rest.resource_routes import API_PREFIX

_SESSION_NAME, _FILES_NAME = "monynha_session", "monynha_files"
_FILES_PATH = f"{API_PREFIX}/files"


@dataclass(frozen=True)
class SessionCookies:
    """Names the cookies as a request's transport allows: over TLS with prefixes that other hosts cannot set.

    `__Host-` demands the path `/`, so the cookie for files, which has a path of its own, has `__Secure-`
    (RFC 6265bis section 4.1.3).
    """

    is_secure: IsSecure

    def session(self, request: Request) -> CookieKind:
        """Return the cookie of the refresh token; only the endpoints of cookie sessions read it."""
        is_secure = self.is_secure(request.scope)
        return CookieKind(f"__Host-{_SESSION_NAME}" if is_secure else _SESSION_NAME, "/", is_secure)

    def files(self, request: Request) -> CookieKind:
        """Return the cookie of the file token; only the endpoints that send files read it."""
        is_secure = self.is_secure(request.scope)
        return CookieKind(f"__Secure-{_FILES_NAME}" if is_secure else _FILES_NAME, _FILES_PATH, is_secure)


@dataclass(frozen=True)
class FileCookieAuthenticator:
    """Finds the actor of a request for a file: by its bearer token, else by the cookie for files.

    For routes that only read, since a browser sends cookies whoever wrote the page.
    """

    bearer: BearerAuthenticator
    tokens: FileTokens
    cookies: SessionCookies

    def __call__(self, request: Request) -> Actor:
        """Return the actor: anonymous without either, UnauthenticatedError for a bad one."""
        if request.actor is not None or request.header(b"authorization") is not None:
            return self.bearer(request)
        token = self.cookies.files(request).read(request)
        if token is None:
            return self.bearer(request)
        request.actor = self.tokens.verify(token)
        return request.actor

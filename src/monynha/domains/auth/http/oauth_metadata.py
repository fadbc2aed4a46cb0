"""Routes of the documents by which applications find the endpoints, below /auth/v1 and at the root of the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.oauth_authorizations import when_enabled
from monynha.domains.auth.http.responses import error_response
from monynha.domains.auth.oauth_server.metadata import RESOURCE_PATHS
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route, RouteGroup

_AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
_OPENID = "/.well-known/openid-configuration"
_ISSUER_PATH = "/auth/v1"


@dataclass(frozen=True)
class OAuthMetadataRoutes:
    """Routes that need no authentication."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes below the issuer's path, where OpenID Connect and upstream have them."""
        metadata = self.auth.oauth_server.metadata
        return (
            self._route(_AUTHORIZATION_SERVER, metadata.authorization_server()),
            # What verifies our tokens is also needed where no application may act for anybody.
            Route("GET", _OPENID, partial(_respond, metadata.openid_configuration())),
        )

    @property
    def site_routes(self) -> RouteGroup:
        """The routes at the root of the site, where RFC 8414 §3.1 and RFC 9728 §3.1 have them."""
        metadata = self.auth.oauth_server.metadata
        routes = (
            self._route(f"{_AUTHORIZATION_SERVER}{_ISSUER_PATH}", metadata.authorization_server()),
            self._route(f"{_OPENID}{_ISSUER_PATH}", metadata.openid_configuration()),
            *(
                self._route(f"/.well-known/oauth-protected-resource{path}", metadata.protected_resource(path))
                for path in RESOURCE_PATHS
            ),
        )
        return RouteGroup("", routes, error_response)

    def _route(self, path: str, document: Mapping[str, object]) -> Route:
        return Route("GET", path, when_enabled(self.auth, partial(_respond, document)))


async def _respond(document: Mapping[str, object], _: Request) -> Response:
    return json_response(document, extra_headers=((b"cache-control", b"public, max-age=600"),))

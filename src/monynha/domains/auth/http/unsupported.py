"""Routes of features that this program does not offer: each responds with GoTrue's own error code."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler, Route


class Web3DisabledError(AuthError):
    """Web3 provider is disabled"""

    status = 422
    code = "web3_provider_disabled"


class SamlDisabledError(AuthError):
    """SAML 2.0 is disabled"""

    status = 404
    code = "saml_provider_disabled"


@dataclass(frozen=True)
class UnsupportedRoutes:
    """Routes of SSO."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (Route("POST", "/sso", _refuse(SamlDisabledError)),)


def _refuse(error: type[AuthError]) -> Handler:
    async def handle(_: Request) -> Response:
        raise error()

    return handle

"""Routes of features that this program does not offer: each responds with GoTrue's own error code."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError
from monynha.domains.auth.http.dependencies import require_service_key, require_user
from monynha.domains.auth.http.responses import auth_response
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler, Route


class AnonymousSignInDisabledError(AuthError):
    """Anonymous sign-ins are disabled"""

    status = 422
    code = "anonymous_provider_disabled"


class PhoneSignUpDisabledError(AuthError):
    """Phone signups are disabled"""

    status = 400
    code = "phone_provider_disabled"


class PhoneSignInDisabledError(AuthError):
    """Phone logins are disabled"""

    status = 422
    code = "phone_provider_disabled"


class ProviderDisabledError(AuthError):
    """Unsupported provider: provider is not enabled"""

    status = 400
    code = "provider_disabled"


class Web3DisabledError(AuthError):
    """Web3 provider is disabled"""

    status = 422
    code = "web3_provider_disabled"


class ManualLinkingDisabledError(AuthError):
    """Manual linking is disabled"""

    status = 404
    code = "manual_linking_disabled"


class SamlDisabledError(AuthError):
    """SAML 2.0 is disabled"""

    status = 404
    code = "saml_provider_disabled"


@dataclass(frozen=True)
class UnsupportedRoutes:
    """Routes of providers, identities and SSO."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/authorize", _refuse(ProviderDisabledError)),
            Route("GET", "/callback", _refuse(ProviderDisabledError)),
            Route("POST", "/callback", _refuse(ProviderDisabledError)),
            Route("POST", "/sso", _refuse(SamlDisabledError)),
            Route("GET", "/user/identities/authorize", self._refuse_user(ManualLinkingDisabledError)),
            Route("DELETE", "/user/identities/{id}", self._refuse_user(ManualLinkingDisabledError)),
            Route("GET", "/admin/audit", self._empty_list),
        )

    def _refuse_user(self, error: type[AuthError]) -> Handler:
        async def handle(request: Request) -> Response:
            await require_user(self.auth, request)
            raise error()

        return handle

    async def _empty_list(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        return auth_response([])


def _refuse(error: type[AuthError]) -> Handler:
    async def handle(_: Request) -> Response:
        raise error()

    return handle

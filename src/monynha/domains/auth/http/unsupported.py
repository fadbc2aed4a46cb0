"""Routes of features that this program does not offer: each responds with GoTrue's own error code."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError
from monynha.domains.auth.http.dependencies import parse_user_id, require_service_key, require_user
from monynha.domains.auth.http.request_body import read_body
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


class TotpDisabledError(AuthError):
    """MFA enroll is disabled for TOTP"""

    status = 422
    code = "mfa_totp_enroll_not_enabled"


class PhoneFactorDisabledError(AuthError):
    """MFA enroll is disabled for Phone"""

    status = 422
    code = "mfa_phone_enroll_not_enabled"


class WebAuthnDisabledError(AuthError):
    """MFA enroll is disabled for WebAuthn"""

    status = 422
    code = "mfa_webauthn_enroll_not_enabled"


class FactorNotFoundError(AuthError):
    """Factor not found"""

    status = 404
    code = "mfa_factor_not_found"


class SamlDisabledError(AuthError):
    """SAML 2.0 is disabled"""

    status = 404
    code = "saml_provider_disabled"


class PasskeyDisabledError(AuthError):
    """Passkeys are disabled"""

    status = 404
    code = "passkey_disabled"


_ENROLL_ERRORS: dict[str | None, type[AuthError]] = {
    "phone": PhoneFactorDisabledError,
    "webauthn": WebAuthnDisabledError,
}


@dataclass(frozen=True)
class UnsupportedRoutes:
    """Routes of providers, identities, factors, passkeys and SSO."""

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
            Route("POST", "/factors", self._enroll),
            Route("POST", "/factors/{id}/challenge", self._refuse_user(FactorNotFoundError)),
            Route("POST", "/factors/{id}/verify", self._refuse_user(FactorNotFoundError)),
            Route("DELETE", "/factors/{id}", self._refuse_user(FactorNotFoundError)),
            Route("GET", "/passkeys", _refuse(PasskeyDisabledError)),
            Route("GET", "/admin/users/{id}/factors", self._list_factors),
            Route("DELETE", "/admin/users/{id}/factors/{factor}", self._delete_factor),
        )

    def _refuse_user(self, error: type[AuthError]) -> Handler:
        async def handle(request: Request) -> Response:
            await require_user(self.auth, request)
            raise error()

        return handle

    async def _delete_factor(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        await self.auth.admin.get(parse_user_id(request))
        raise FactorNotFoundError()

    async def _list_factors(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        await self.auth.admin.get(parse_user_id(request))
        return auth_response([])

    async def _enroll(self, request: Request) -> Response:
        factor_type = (await read_body(request)).text("factor_type")
        await require_user(self.auth, request)
        raise _ENROLL_ERRORS.get(factor_type, TotpDisabledError)()


def _refuse(error: type[AuthError]) -> Handler:
    async def handle(_: Request) -> Response:
        raise error()

    return handle

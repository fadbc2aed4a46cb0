"""What the wire knows and this program does not offer: each answers the wire's own code for that."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError
from monynha.domains.auth.http.dependencies import require_service_key, require_user
from monynha.domains.auth.http.request_body import read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


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


class ManualLinkingDisabledError(AuthError):
    """Manual linking is disabled"""

    status = 404
    code = "manual_linking_disabled"


class IdentityNotFoundError(AuthError):
    """Identity doesn't exist"""

    status = 422
    code = "identity_not_found"


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


_ENROLL_ERRORS: dict[object, type[AuthError]] = {
    "phone": PhoneFactorDisabledError,
    "webauthn": WebAuthnDisabledError,
}


def routes(auth: AuthServices) -> tuple[Route, ...]:
    """Return the routes of what is not offered."""
    return (
        Route("GET", "/authorize", partial(_refuse, auth, ProviderDisabledError)),
        Route("GET", "/callback", partial(_refuse, auth, ProviderDisabledError)),
        Route("POST", "/callback", partial(_refuse, auth, ProviderDisabledError)),
        Route("POST", "/sso", partial(_refuse, auth, SamlDisabledError)),
        Route("GET", "/user/identities/authorize", partial(_refuse_user, auth, ManualLinkingDisabledError)),
        Route("DELETE", "/user/identities/{id}", partial(_refuse_user, auth, IdentityNotFoundError)),
        Route("POST", "/factors", partial(_enroll, auth)),
        Route("POST", "/factors/{id}/challenge", partial(_refuse_user, auth, FactorNotFoundError)),
        Route("POST", "/factors/{id}/verify", partial(_refuse_user, auth, FactorNotFoundError)),
        Route("DELETE", "/factors/{id}", partial(_refuse_user, auth, FactorNotFoundError)),
        Route("GET", "/passkeys", partial(_refuse, auth, PasskeyDisabledError)),
        Route("GET", "/admin/users/{id}/factors", partial(_empty_list, auth)),
        Route("DELETE", "/admin/users/{id}/factors/{factor}", partial(_refuse_admin, auth, FactorNotFoundError)),
        Route("GET", "/admin/audit", partial(_empty_list, auth)),
    )


async def _refuse(_: AuthServices, error: type[AuthError], __: Request) -> Response:
    raise error()


async def _refuse_user(auth: AuthServices, error: type[AuthError], request: Request) -> Response:
    await require_user(auth, request)
    raise error()


async def _refuse_admin(auth: AuthServices, error: type[AuthError], request: Request) -> Response:
    require_service_key(auth, request)
    raise error()


async def _enroll(auth: AuthServices, request: Request) -> Response:
    factor_type = (await read_body(request)).text("factor_type")
    await require_user(auth, request)
    raise _ENROLL_ERRORS.get(factor_type, TotpDisabledError)()


async def _empty_list(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    return auth_response([])

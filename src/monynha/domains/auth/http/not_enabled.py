"""What the wire knows and this program does not offer: each answers the wire's own code for that."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.auth import Auth
from monynha.domains.auth.faults import AuthFault
from monynha.domains.auth.http.answers import answer
from monynha.domains.auth.http.body import read_body
from monynha.domains.auth.http.who import check_admin, signed_in
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


class AnonymousDisabled(AuthFault):
    """Anonymous sign-ins are disabled"""

    status = 422
    code = "anonymous_provider_disabled"


class PhoneDisabledAtSignUp(AuthFault):
    """Phone signups are disabled"""

    status = 400
    code = "phone_provider_disabled"


class PhoneDisabledAtSignIn(AuthFault):
    """Phone logins are disabled"""

    status = 422
    code = "phone_provider_disabled"


class ProviderDisabled(AuthFault):
    """Unsupported provider: provider is not enabled"""

    status = 400
    code = "provider_disabled"


class LinkingDisabled(AuthFault):
    """Manual linking is disabled"""

    status = 404
    code = "manual_linking_disabled"


class IdentityNotFound(AuthFault):
    """Identity doesn't exist"""

    status = 422
    code = "identity_not_found"


class TotpDisabled(AuthFault):
    """MFA enroll is disabled for TOTP"""

    status = 422
    code = "mfa_totp_enroll_not_enabled"


class PhoneFactorDisabled(AuthFault):
    """MFA enroll is disabled for Phone"""

    status = 422
    code = "mfa_phone_enroll_not_enabled"


class WebAuthnDisabled(AuthFault):
    """MFA enroll is disabled for WebAuthn"""

    status = 422
    code = "mfa_webauthn_enroll_not_enabled"


class FactorNotFound(AuthFault):
    """Factor not found"""

    status = 404
    code = "mfa_factor_not_found"


class SamlDisabled(AuthFault):
    """SAML 2.0 is disabled"""

    status = 404
    code = "saml_provider_disabled"


class PasskeyDisabled(AuthFault):
    """Passkeys are disabled"""

    status = 404
    code = "passkey_disabled"


_FACTORS: dict[object, type[AuthFault]] = {"phone": PhoneFactorDisabled, "webauthn": WebAuthnDisabled}


def routes(auth: Auth) -> tuple[Route, ...]:
    """Return the routes of what is not offered."""
    return (
        Route("GET", "/authorize", partial(_refuse, auth, ProviderDisabled)),
        Route("GET", "/callback", partial(_refuse, auth, ProviderDisabled)),
        Route("POST", "/callback", partial(_refuse, auth, ProviderDisabled)),
        Route("POST", "/sso", partial(_refuse, auth, SamlDisabled)),
        Route("GET", "/user/identities/authorize", partial(_refuse_signed_in, auth, LinkingDisabled)),
        Route("DELETE", "/user/identities/{id}", partial(_refuse_signed_in, auth, IdentityNotFound)),
        Route("POST", "/factors", partial(_enroll, auth)),
        Route("POST", "/factors/{id}/challenge", partial(_refuse_signed_in, auth, FactorNotFound)),
        Route("POST", "/factors/{id}/verify", partial(_refuse_signed_in, auth, FactorNotFound)),
        Route("DELETE", "/factors/{id}", partial(_refuse_signed_in, auth, FactorNotFound)),
        Route("GET", "/passkeys", partial(_refuse, auth, PasskeyDisabled)),
        Route("GET", "/admin/users/{id}/factors", partial(_none, auth)),
        Route("DELETE", "/admin/users/{id}/factors/{factor}", partial(_refuse_admin, auth, FactorNotFound)),
        Route("GET", "/admin/audit", partial(_none, auth)),
    )


async def _refuse(_: Auth, fault: type[AuthFault], __: Request) -> Response:
    raise fault()


async def _refuse_signed_in(auth: Auth, fault: type[AuthFault], request: Request) -> Response:
    await signed_in(auth, request)
    raise fault()


async def _refuse_admin(auth: Auth, fault: type[AuthFault], request: Request) -> Response:
    check_admin(auth, request)
    raise fault()


async def _enroll(auth: Auth, request: Request) -> Response:
    from_body = (await read_body(request)).text("factor_type")
    await signed_in(auth, request)
    raise _FACTORS.get(from_body, TotpDisabled)()


async def _none(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    return answer([])

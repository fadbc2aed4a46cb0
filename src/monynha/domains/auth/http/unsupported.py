"""Routes of features that this program does not offer: each responds with GoTrue's own error code."""

from __future__ import annotations

from monynha.domains.auth.errors import AuthError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


class Web3DisabledError(AuthError):
    """Web3 provider is disabled"""

    status = 422
    code = "web3_provider_disabled"


class SamlDisabledError(AuthError):
    """SAML 2.0 is disabled"""

    status = 404
    code = "saml_provider_disabled"


async def _refuse_saml(_: Request) -> Response:
    raise SamlDisabledError()


UNSUPPORTED_ROUTES = (Route("POST", "/sso", _refuse_saml),)

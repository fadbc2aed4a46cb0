"""The grant `id_token` of /token: an app signs in with what it got from the provider itself."""

from __future__ import annotations

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import require_own_aal2, require_user
from monynha.domains.auth.http.identities import AAL2_REQUIRED
from monynha.domains.auth.http.request_body import RequestBody, client_info
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import session_json
from monynha.domains.auth.providers.errors import OAuthError
from monynha.domains.auth.providers.flows import Flow
from monynha.domains.auth.providers.sign_in import IdTokenRequest
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response


async def sign_in_with_id_token(auth: AuthServices, request: Request, body: RequestBody) -> Response:
    """Return the response of the grant; its OAuth errors have the form of RFC 6749 §5.2."""
    try:
        return await _sign_in(auth, request, body)
    except OAuthError as error:
        return auth_response({"error": error.error, "error_description": error.message}, status=400)


async def _sign_in(auth: AuthServices, request: Request, body: RequestBody) -> Response:
    id_token, provider = body.text("id_token"), body.text("provider")
    if not id_token:
        raise OAuthError("invalid request", "id_token required")
    if not provider:
        raise OAuthError("invalid request", "provider required")
    linking = None
    if body.boolean("link_identity"):
        if request.header(b"authorization") is None:
            raise OAuthError("invalid request", "Linking requires a valid user access token in Authorization")
        user = await require_user(auth, request)
        auth.providers.identities.require_enabled()
        await require_own_aal2(auth, user, AAL2_REQUIRED)
        linking = Flow(provider, "", linking_user_id=user.account.id, linking_session_id=user.session_id)
    grant = IdTokenRequest(provider, id_token, body.text("access_token"), body.text("nonce"))
    issued = await auth.providers.sign_in_with_id_token(grant, client_info(request), linking)
    return auth_response(session_json(issued, auth.clock().timestamp()))

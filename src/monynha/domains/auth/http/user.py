"""Routes of one's own account."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import require_user
from monynha.domains.auth.http.request_body import read_body, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import user_json
from monynha.domains.auth.http.unsupported import PhoneSignInDisabledError
from monynha.domains.auth.services.update_user import UserAttributes, send_reauthentication_code, update_user
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


def routes(auth: AuthServices) -> tuple[Route, ...]:
    """Return the routes of one's own account."""
    return (
        Route("GET", "/user", partial(_get_user, auth)),
        Route("PUT", "/user", partial(_update_user, auth)),
        Route("GET", "/reauthenticate", partial(_reauthenticate, auth)),
    )


async def _get_user(auth: AuthServices, request: Request) -> Response:
    return auth_response(user_json((await require_user(auth, request)).account))


async def _update_user(auth: AuthServices, request: Request) -> Response:
    user = await require_user(auth, request)
    body = await read_body(request)
    if body.text("phone"):
        raise PhoneSignInDisabledError()
    attributes = UserAttributes(
        email=body.text("email"),
        # An empty password is a wish for one that is too short, not for none.
        password=body.text("password") or ("" if body.values.get("password") == "" else None),
        current_password=body.text("current_password"),
        nonce=body.text("nonce"),
        data=body.object("data"),
        challenge=body.pkce_challenge(),
        redirect_to=requested_redirect(request, body),
    )
    if attributes.email:
        await auth.rate_limits.count_email_change(user.account.id)
    if attributes.email and not auth.parts.autoconfirm:
        await auth.rate_limits.count_email(attributes.email)
    return auth_response(user_json(await update_user(auth.parts, user.account, user.session_id, attributes)))


async def _reauthenticate(auth: AuthServices, request: Request) -> Response:
    user = await require_user(auth, request)
    await auth.rate_limits.count_email(user.account.email or "")
    await send_reauthentication_code(auth.parts, user.account)
    return auth_response({})

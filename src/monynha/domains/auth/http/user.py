"""Routes of the signed-in user's own account."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import LimitedTokenError
from monynha.domains.auth.http.dependencies import require_user
from monynha.domains.auth.http.factors import require_aal2_to_update
from monynha.domains.auth.http.request_body import read_body, requested_locale, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import user_json
from monynha.domains.auth.services.update_user import UserAttributes
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class UserRoutes:
    """Routes that show and change the account of the request's user."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/user", self._get_user),
            Route("PUT", "/user", self._update_user),
            Route("GET", "/reauthenticate", self._reauthenticate),
        )

    async def _get_user(self, request: Request) -> Response:
        user = await require_user(self.auth, request, accepts_limited=True)
        limits = request.actor.limits if request.actor else None
        if limits is not None and not limits.scopes:
            # An application that may only know who the person is asks /oauth/userinfo, which keeps to its scopes.
            raise LimitedTokenError()
        return auth_response(user_json(user.account))

    async def _update_user(self, request: Request) -> Response:
        auth = self.auth
        user = await require_user(auth, request)
        body = await read_body(request)
        phone = body.text("phone")
        attributes = UserAttributes(
            email=body.text("email"),
            phone=auth.phone_accounts.require_phone(phone) if phone else None,
            # An empty password is one that is too short, not a missing one.
            password=body.text("password") or ("" if body.values.get("password") == "" else None),
            current_password=body.text("current_password"),
            nonce=body.text("nonce"),
            data=body.json_object("data"),
            challenge=body.pkce_challenge(),
            redirect_to=requested_redirect(request, body),
            locale=requested_locale(request),
        )
        await require_aal2_to_update(auth, user, attributes)
        if attributes.password is not None or attributes.current_password is not None:
            # A new password that is the current one is refused for that, so each is a guess.
            await auth.rate_limits.count_password_check(user.account.id)
        if attributes.email:
            await auth.rate_limits.count_email_change(user.account.id)
            if not auth.autoconfirm:
                await auth.rate_limits.count_email(attributes.email)
        if attributes.phone and attributes.phone != user.account.phone and not auth.phone_accounts.autoconfirm:
            auth.phone_accounts.messages.require_reachable(attributes.phone)
            await auth.rate_limits.count_sms(request.client_ip, attributes.phone)
        account = await auth.update_user.update(user.account, user.session_id, attributes)
        return auth_response(user_json(account))

    async def _reauthenticate(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        if user.account.email or not user.account.phone:
            await self.auth.rate_limits.count_email(user.account.email or "")
        else:
            await self.auth.rate_limits.count_sms(request.client_ip, user.account.phone)
        await self.auth.update_user.send_reauthentication_code(user.account, locale=requested_locale(request))
        return auth_response({})

"""Routes of the identities of an account: adds a provider, and removes one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monynha.core.serialization import parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import require_own_aal2, require_user
from monynha.domains.auth.http.providers import authorize_url, requested_flow
from monynha.domains.auth.http.redirects import redirect_response
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.providers.errors import InvalidIdentityIdError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

AAL2_REQUIRED = "AAL2 session is required to add or remove identities when MFA is enabled."


@dataclass(frozen=True)
class IdentityRoutes:
    """Routes of the signed-in user; `GET /user` lists the identities."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/user/identities/authorize", self._authorize),
            Route("DELETE", "/user/identities/{id}", self._unlink),
        )

    async def _authorize(self, request: Request) -> Response:
        """Return where a browser goes to add a provider: to us first, which gives it the cookie."""
        user = await require_user(self.auth, request)
        self.auth.providers.identities.require_enabled()
        await require_own_aal2(self.auth, user, AAL2_REQUIRED)
        flow = replace(
            requested_flow(self.auth, request), linking_user_id=user.account.id, linking_session_id=user.session_id
        )
        ticket = await self.auth.providers.prepare_linking(flow)
        url = authorize_url(self.auth.mailer.links.site_url, ticket, request.query_params)
        if request.query_params.get("skip_http_redirect") == "true":
            return auth_response({"url": url})
        return redirect_response(url, status=302)

    async def _unlink(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        self.auth.providers.identities.require_enabled()
        await require_own_aal2(self.auth, user, AAL2_REQUIRED)
        identity_id = parse_uuid(request.path_params["id"])
        if identity_id is None:
            raise InvalidIdentityIdError()
        await self.auth.providers.identities.unlink(user.account.id, identity_id)
        return auth_response({})

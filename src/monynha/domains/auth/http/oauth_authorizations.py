"""Routes of authorization: the endpoint to which applications send people, and what people decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.serialization import format_timestamp, parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.dependencies import SignedInUser, require_user
from monynha.domains.auth.http.request_body import read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.oauth_server.authorization_service import Approver, Redirect
from monynha.domains.auth.oauth_server.errors import OAuthServerDisabledError, RequestOriginError
from monynha.domains.auth.oauth_server.scopes import format_scopes
from monynha.protocols.http.rate_limits import rate_limit_subject
from monynha.protocols.http.request import Request, parse_query_string
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Handler, Route


@dataclass(frozen=True)
class OAuthAuthorizationRoutes:
    """Routes by which people let applications act for them."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        routes = (
            Route("GET", "/oauth/authorize", self._authorize),
            Route("POST", "/oauth/authorize", self._authorize),
            Route("GET", "/oauth/authorizations/{id}", self._show),
            Route("POST", "/oauth/authorizations/{id}/consent", self._decide),
            Route("GET", "/user/oauth/grants", self._list_grants),
            Route("DELETE", "/user/oauth/grants", self._revoke_grant),
        )
        return tuple(Route(route.method, route.path, when_enabled(self.auth, route.handler)) for route in routes)

    async def _authorize(self, request: Request) -> Response:
        await self.auth.rate_limits.count_authorization(rate_limit_subject(request.client_ip))
        params = request.query_params
        if request.method == "POST":
            # OpenID Connect Core §3.1.2.1: as a form, too.
            params = parse_query_string(await request.body())
        redirect = await self.auth.oauth_server.authorizations.start(params)
        return Response(303, b"", encode_headers(("Location", redirect.url), ("Cache-Control", "no-store")))

    async def _show(self, request: Request) -> Response:
        user = await self._require_approver(request)
        authorizations = self.auth.oauth_server.authorizations
        result = await authorizations.open(request.path_params["id"], _approver(user))
        if isinstance(result, Redirect):
            return auth_response({"redirect_url": result.url})
        authorization, client = result.authorization, result.client
        return auth_response(
            {
                "authorization_id": str(authorization.id),
                "redirect_uri": authorization.redirect_uri,
                "client": client_summary(str(client.id), client.name, client.client_uri, client.logo_uri),
                "user": {"id": str(user.account.id), "email": user.account.email or ""},
                "scope": format_scopes(authorization.scopes),
            }
        )

    async def _decide(self, request: Request) -> Response:
        user = await self._require_approver(request)
        action = (await read_body(request)).text("action")
        authorizations, id = self.auth.oauth_server.authorizations, request.path_params["id"]
        match action:
            case "approve":
                redirect = await authorizations.approve(id, _approver(user))
            case "deny":
                redirect = await authorizations.deny(id, _approver(user))
            case _:
                raise InvalidAuthRequestError("action must be 'approve' or 'deny'")
        return auth_response({"redirect_url": redirect.url})

    async def _list_grants(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        clients = await self.auth.oauth_server.consents.list(user.account.id)
        return auth_response(
            [
                {
                    "client": client_summary(str(client.client_id), client.name, client.client_uri, client.logo_uri),
                    "scopes": client.scopes,
                    "granted_at": format_timestamp(client.granted_at),
                }
                for client in clients
            ]
        )

    async def _revoke_grant(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        text = request.query_params.get("client_id") or ""
        if not text:
            raise InvalidAuthRequestError("client_id query parameter is required")
        client_id = parse_uuid(text)
        if client_id is None:
            raise InvalidAuthRequestError("invalid client_id format")
        await self.auth.oauth_server.consents.revoke(user.account.id, client_id)
        return Response(204)

    async def _require_approver(self, request: Request) -> SignedInUser:
        """Return the person; RequestOriginError for a page of another site, though a page sends no token by itself."""
        origin = request.header(b"origin")
        if origin is not None and self.auth.mailer.redirects.resolve(origin) != origin:
            raise RequestOriginError()
        return await require_user(self.auth, request)


def when_enabled(auth: AuthServices, handle: Handler) -> Handler:
    """Return the handler; it answers OAuthServerDisabledError where the authorization server is off."""
    if auth.oauth_server.metadata.is_enabled:
        return handle

    async def refuse(_: Request) -> Response:
        raise OAuthServerDisabledError()

    return refuse


def client_summary(id: str, name: str, uri: str, logo_uri: str) -> Mapping[str, str]:
    """Return a client as the person sees it; fields that upstream omits when empty are omitted."""
    fields = {"id": id, "name": name, "uri": uri, "logo_uri": logo_uri}
    return {field: value for field, value in fields.items() if value}


def _approver(user: SignedInUser) -> Approver:
    return Approver(user.account.id, user.session_id)

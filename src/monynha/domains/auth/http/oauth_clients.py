"""Admin routes of OAuth clients, for the holder of the service key alone."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.serialization import format_timestamp, parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.dependencies import require_service_key
from monynha.domains.auth.http.oauth_authorizations import when_enabled
from monynha.domains.auth.http.paging import PageRequest
from monynha.domains.auth.http.request_body import read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.oauth_server.clients import MANUAL, OAuthClient
from monynha.domains.auth.oauth_server.scopes import format_scopes
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_PATH = "/admin/oauth/clients"


@dataclass(frozen=True)
class OAuthClientRoutes:
    """Routes that manage clients."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        routes = (
            Route("GET", _PATH, self._list),
            Route("POST", _PATH, self._create),
            Route("GET", f"{_PATH}/{{id}}", self._get),
            Route("PUT", f"{_PATH}/{{id}}", self._update),
            Route("DELETE", f"{_PATH}/{{id}}", self._delete),
            Route("POST", f"{_PATH}/{{id}}/regenerate_secret", self._regenerate_secret),
        )
        return tuple(Route(route.method, route.path, when_enabled(self.auth, route.handler)) for route in routes)

    async def _list(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        page = PageRequest.parse(request.query_params)
        clients, total = await self.auth.oauth_server.clients.list_page(page_number=page.number, page_size=page.size)
        list_url = f"{self.auth.oauth_server.metadata.issuer}{_PATH}"
        body = {"clients": [client_json(client) for client in clients]}
        return auth_response(body, extra_headers=page.headers(list_url, total=total))

    async def _create(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        body = await read_body(request)
        registered = await self.auth.oauth_server.clients.register(body.values, MANUAL)
        return auth_response(client_json(registered.client, registered.secret), status=201)

    async def _get(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        return auth_response(client_json(await self.auth.oauth_server.clients.get(_client_id(request))))

    async def _update(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        client_id = _client_id(request)
        body = await read_body(request)
        return auth_response(client_json(await self.auth.oauth_server.clients.update(client_id, body.values)))

    async def _delete(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        await self.auth.oauth_server.clients.delete(_client_id(request))
        return Response(204)

    async def _regenerate_secret(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        registered = await self.auth.oauth_server.clients.regenerate_secret(_client_id(request))
        return auth_response(client_json(registered.client, registered.secret))


def client_json(client: OAuthClient, secret: str | None = None) -> dict[str, object]:
    """Return a client in upstream's form, with its secret where it was just made."""
    body: dict[str, object] = {
        "client_id": str(client.id),
        "client_type": client.client_type,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "scope": format_scopes(client.scopes),
        "registration_type": client.registration_type,
        "enabled": client.is_enabled,
        "created_at": format_timestamp(client.created_at),
        "updated_at": format_timestamp(client.updated_at),
    }
    optional = {"client_name": client.name, "client_uri": client.client_uri, "logo_uri": client.logo_uri}
    body |= {field: value for field, value in optional.items() if value}
    return body if secret is None else {**body, "client_secret": secret}


def _client_id(request: Request) -> UUID:
    client_id = parse_uuid(request.path_params["id"])
    if client_id is None:
        raise InvalidAuthRequestError("invalid client_id format")
    return client_id

"""Routes that applications call: tokens, revocation, the person's claims, registration; errors as RFC 6749 has them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from monynha.core.errors import BadRequestError, PayloadTooLargeError
from monynha.core.serialization import parse_json
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import require_user
from monynha.domains.auth.http.oauth_authorizations import when_enabled
from monynha.domains.auth.http.oauth_clients import client_json
from monynha.domains.auth.http.request_body import client_info
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.oauth_server.client_service import ClientCredentials
from monynha.domains.auth.oauth_server.clients import DYNAMIC, GRANT_TYPES, OAuthClient
from monynha.domains.auth.oauth_server.errors import (
    ClientMetadataError,
    DynamicRegistrationDisabledError,
    OAuthProtocolError,
    invalid_client,
    invalid_request,
)
from monynha.domains.auth.oauth_server.grant_service import CodeExchange, IssuedTokens
from monynha.domains.auth.oauth_server.identity_claims import identity_claims
from monynha.domains.auth.oauth_server.scopes import format_scopes, parse_scopes
from monynha.protocols.http.rate_limits import rate_limit_subject
from monynha.protocols.http.request import Request, parse_query_string
from monynha.protocols.http.response import Headers, Response
from monynha.protocols.http.router import Handler, Route

_MAX_REGISTRATION_BYTES: Final = 65_536
_BASIC_CHALLENGE: Final[Headers] = ((b"www-authenticate", b'Basic realm="oauth", charset="UTF-8"'),)


@dataclass(frozen=True)
class OAuthTokenRoutes:
    """Routes for applications."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", "/oauth/token", self._protocol_handler(self._token)),
            Route("POST", "/oauth/revoke", self._protocol_handler(self._revoke)),
            Route("POST", "/oauth/clients/register", self._protocol_handler(self._register)),
            Route("GET", "/oauth/userinfo", when_enabled(self.auth, self._userinfo)),
            Route("POST", "/oauth/userinfo", when_enabled(self.auth, self._userinfo)),
        )

    async def _token(self, request: Request) -> Response:
        params = await _read_params(request)
        grant_type = params.get("grant_type", "")
        if not grant_type:
            raise invalid_request("grant_type is required")
        client = await self._authenticate_client(request, params)
        if grant_type not in GRANT_TYPES:
            raise OAuthProtocolError("unsupported_grant_type", "grant_type is not supported")
        if grant_type not in client.grant_types:
            raise OAuthProtocolError("unauthorized_client", f"the client is not registered for {grant_type}")
        resource = params.get("resource", "").rstrip("/")
        if resource and resource not in self.auth.oauth_server.authorizations.resources:
            raise OAuthProtocolError("invalid_target", "resource is not one of this server")
        if grant_type == "refresh_token":
            return self._tokens_response(await self._refresh(request, client, params))
        return self._tokens_response(await self._exchange(request, client, params))

    async def _exchange(self, request: Request, client: OAuthClient, params: Mapping[str, str]) -> IssuedTokens:
        code, verifier = params.get("code", ""), params.get("code_verifier", "")
        if not code or not verifier:
            raise invalid_request("code and code_verifier are required for authorization_code grant")
        exchange = CodeExchange(code, verifier, params.get("redirect_uri") or None)
        return await self.auth.oauth_server.grants.exchange(client, exchange, client_info(request))

    async def _refresh(self, request: Request, client: OAuthClient, params: Mapping[str, str]) -> IssuedTokens:
        refresh_token = params.get("refresh_token", "")
        if not refresh_token:
            raise invalid_request("refresh_token is required for refresh_token grant")
        try:
            scopes = parse_scopes(params["scope"]) if params.get("scope") else None
        except ValueError as error:
            raise OAuthProtocolError("invalid_scope", str(error)) from None
        return await self.auth.oauth_server.grants.refresh(client, refresh_token, scopes, client_info(request))

    def _tokens_response(self, tokens: IssuedTokens) -> Response:
        session = tokens.session
        body: dict[str, object] = {
            "access_token": session.access_token.text,
            "token_type": "bearer",
            "expires_in": max(1, session.access_token.expires_at - int(self.auth.clock().timestamp())),
        }
        if tokens.is_refreshable:
            body["refresh_token"] = session.refresh_token
        if tokens.scopes is not None:
            body["scope"] = format_scopes(tokens.scopes)
        if tokens.id_token is not None:
            body["id_token"] = tokens.id_token
        return auth_response(body)

    async def _revoke(self, request: Request) -> Response:
        params = await _read_params(request)
        client = await self._authenticate_client(request, params)
        token = params.get("token", "")
        if not token:
            raise invalid_request("token is required")
        await self.auth.oauth_server.grants.revoke(client, token)
        # Also where the token is unknown, or another client's, which is not told (RFC 7009 §2.2).
        return auth_response({})

    async def _register(self, request: Request) -> Response:
        if not self.auth.oauth_server.metadata.allows_registration:
            raise DynamicRegistrationDisabledError()
        await self.auth.rate_limits.count_registration(rate_limit_subject(request.client_ip))
        body = await request.body()
        if len(body) > _MAX_REGISTRATION_BYTES:
            raise PayloadTooLargeError()
        values = parse_json(body)
        if not isinstance(values, dict):
            raise OAuthProtocolError("invalid_client_metadata", "the body must be a JSON object")
        try:
            registered = await self.auth.oauth_server.clients.register(values, DYNAMIC)
        except ClientMetadataError as error:
            code = "invalid_redirect_uri" if error.field == "redirect_uris" else "invalid_client_metadata"
            raise OAuthProtocolError(code, error.message) from None
        client = registered.client
        rfc_fields: dict[str, object] = {"client_id_issued_at": int(client.created_at.timestamp())}
        if registered.secret is not None:
            rfc_fields["client_secret_expires_at"] = 0
        return auth_response({**client_json(client, registered.secret), **rfc_fields}, status=201)

    async def _userinfo(self, request: Request) -> Response:
        user = await require_user(self.auth, request, accepts_limited=True)
        scopes = await self.auth.oauth_server.grants.scopes_of(user.session_id)
        return auth_response(identity_claims(user.account, scopes))

    async def _authenticate_client(self, request: Request, params: Mapping[str, str]) -> OAuthClient:
        return await self.auth.oauth_server.clients.authenticate(_credentials(request, params))

    def _protocol_handler(self, handle: Handler) -> Handler:
        """Return a handler whose errors are those of RFC 6749 §5.2."""

        async def handle_protocol(request: Request) -> Response:
            try:
                return await handle(request)
            except OAuthProtocolError as error:
                return _error_response(error)
            except BadRequestError as error:
                return _error_response(invalid_request(error.message))

        return when_enabled(self.auth, handle_protocol)


def _error_response(error: OAuthProtocolError) -> Response:
    challenge = _BASIC_CHALLENGE if error.http_status == 401 else ()
    body = {"error": error.error, "error_description": error.message}
    return auth_response(body, status=error.http_status, extra_headers=challenge)


async def _read_params(request: Request) -> Mapping[str, str]:
    """Return the parameters of a form, or of a JSON object as upstream accepts it; each may be given once."""
    body = await request.body()
    if "application/json" not in (request.header(b"content-type") or "").lower():
        return parse_query_string(body)
    values = parse_json(body)
    if not isinstance(values, dict):
        raise invalid_request("the body must be a JSON object")
    params = {name: value for name, value in values.items() if value is not None}
    wrong = [name for name, value in params.items() if not isinstance(value, str)]
    if wrong:
        raise invalid_request(f"{wrong[0][:50]} must be a string")
    return params


def _credentials(request: Request, params: Mapping[str, str]) -> ClientCredentials:
    """Return how the client authenticates: by one method alone (RFC 6749 §2.3)."""
    client_id, secret = params.get("client_id", ""), params.get("client_secret", "")
    scheme, _, encoded = (request.header(b"authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        if not client_id:
            raise invalid_client()
        return ClientCredentials(client_id, secret, "client_secret_post" if secret else "none")
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client() from None
    basic_id = unquote_plus(name)
    if not colon:
        raise invalid_client()
    if secret or client_id not in ("", basic_id):
        raise invalid_request("the client must authenticate by one method only")
    return ClientCredentials(basic_id, unquote_plus(password), "client_secret_basic")

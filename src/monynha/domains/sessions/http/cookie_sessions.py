"""Cookie sessions, for the web app: the refresh token is in a cookie that no script reads.

An access token is in the answer only, so that no request but these three is authenticated by a cookie. Their answers
hold secrets beside what others may influence, so no cache stores them and nobody compresses them (BREACH).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import orjson

from monynha.core.actor import system_actor
from monynha.core.errors import AppError, ForbiddenError, UnauthenticatedError, ValidationFailedError
from monynha.core.locales import negotiate_locale
from monynha.core.serialization import format_timestamp
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import AuthError, BannedAtSignInError, EmailNotConfirmedError
from monynha.domains.auth.http.dependencies import count_sign_in_attempt
from monynha.domains.auth.http.device_cookie import with_device_cookie
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession
from monynha.domains.auth.tokens.file_tokens import FILE_TOKEN_TTL_S, FileTokens
from monynha.domains.sessions.http.cookies import SessionCookies
from monynha.domains.sessions.http.same_site import SameSite
from monynha.domains.sessions.models import AssuranceLevel, sessions
from monynha.domains.users import users
from monynha.protocols.http.request import Header, Request
from monynha.protocols.http.response import Response, data_response, encode_headers
from monynha.protocols.http.router import Route, RouteGroup
from monynha.protocols.openapi.field_schemas import ref
from monynha.protocols.rest.context import RestContext, read_json_body, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, JsonSchema
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX

_MAX_AGE_S = 180 * 86_400
"""How long a browser keeps the session without using it; each refresh begins it anew."""
_HEADERS = encode_headers(("Cache-Control", "no-store, no-transform"), ("Vary", "Cookie"))
_AUTH = system_actor("auth")
_SELECT_USER = "select * from public.users where id = $1"
_PASSWORD_FIELDS, _TOKEN_FIELDS = {"email", "password"}, {"refreshToken"}
_REQUEST_HEADER: Mapping[str, JsonSchema] = {
    "X-Monynha-Request": {"type": "string", "const": "1", "description": "Proves that no other site sends the request."}
}
_SESSION_SCHEMA: JsonSchema = {
    "type": "object",
    "required": ["accessToken", "expiresAt", "user", "aal"],
    "properties": {
        "accessToken": {"type": "string", "description": "To send as `Authorization: Bearer …`; keep it in memory."},
        "expiresAt": {"type": "string", "format": "date-time", "description": "When to have refreshed it."},
        "user": ref(users.type_name),
        "aal": {
            "type": "string",
            "enum": [level.value for level in AssuranceLevel],
            "description": "An account with a verified factor goes on from `aal1` by the factors of `/auth/v1`.",
        },
    },
}

COOKIE_SESSION_DOCS = (
    CustomEndpointDoc(
        "POST",
        "/session",
        "createCookieSession",
        sessions,
        "The session",
        "Sign in with a cookie that holds the refresh token, by password or with a refresh token of `/auth/v1`.",
        _SESSION_SCHEMA,
        header_schemas=_REQUEST_HEADER,
        body_name="CookieSessionCreate",
        body_schema={
            "type": "object",
            "description": "Either `email` and `password`, or `refreshToken`.",
            "properties": {
                "email": {"type": "string", "description": "Email address."},
                "password": {"type": "string", "format": "password", "description": "Password."},
                "refreshToken": {"type": "string", "description": "The refresh token of a session."},
            },
            "additionalProperties": False,
        },
        error_classes=(UnauthenticatedError, ForbiddenError),
        is_public=True,
    ),
    CustomEndpointDoc(
        "POST",
        "/session/refresh",
        "refreshCookieSession",
        sessions,
        "The session, or null where there is none",
        "Get a new access token for the session of the cookie.",
        {"anyOf": [_SESSION_SCHEMA, {"type": "null"}]},
        header_schemas=_REQUEST_HEADER,
        error_classes=(ForbiddenError,),
        is_public=True,
    ),
    CustomEndpointDoc(
        "DELETE",
        "/session",
        "deleteCookieSession",
        sessions,
        "The session has ended",
        "Sign out: end the session of the cookie, if there is one, and delete the cookies.",
        {},
        header_schemas=_REQUEST_HEADER,
        status=204,
        error_classes=(ForbiddenError,),
        is_public=True,
    ),
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class CookieSessionRoutes:
    """The endpoints of cookie sessions."""

    rest: RestContext
    auth: AuthServices
    file_tokens: FileTokens
    cookies: SessionCookies
    same_site: SameSite

    @property
    def route_group(self) -> RouteGroup:
        """The routes, which take no access token."""
        routes = (
            Route("POST", "/session", self.create),
            Route("POST", "/session/refresh", self.refresh),
            Route("DELETE", "/session", self.delete),
        )
        return RouteGroup(API_PREFIX, routes)

    async def create(self, request: Request) -> Response:
        """Sign in by password or with a refresh token; a session that the browser had before ends."""
        self.same_site.require(request)
        reject_unknown_params(read_query(request), ())
        body = _parse_body(await read_json_body(request))
        if "refreshToken" in body:
            return await self._begin(request, self.auth.sessions.refresh(body["refreshToken"], _client_info(request)))
        return await count_sign_in_attempt(self.auth, request, body["email"], partial(self._sign_in, request, body))

    async def refresh(self, request: Request) -> Response:
        """Refresh the session of the cookie; `null` where there is none, or none any more."""
        self.same_site.require(request)
        reject_unknown_params(read_query(request), ())
        request.response_header_lines = await self.rest.rate_limits.count_public_request(request.client_ip)
        refresh_token = self.cookies.session(request).read(request)
        if refresh_token is None:
            return data_response(b"null", extra_headers=_HEADERS)
        try:
            issued = await self.auth.sessions.refresh(refresh_token, _client_info(request))
        except AuthError:
            return data_response(b"null", extra_headers=(*_HEADERS, *self._deleted_cookies(request)))
        return await self._session_response(request, issued)

    async def delete(self, request: Request) -> Response:
        """End the session of the cookie."""
        self.same_site.require(request)
        reject_unknown_params(request.query_params, ())
        refresh_token = self.cookies.session(request).read(request)
        if refresh_token is not None:
            await self.auth.sessions.end_by_token(refresh_token)
        return Response(204, b"", (*_HEADERS, *self._deleted_cookies(request)))

    async def _sign_in(self, request: Request, body: dict[str, str]) -> Response:
        signing_in = self.auth.sign_in.sign_in(body["email"], body["password"], _client_info(request))
        return await self._begin(request, signing_in)

    async def _begin(self, request: Request, signing_in: Awaitable[IssuedSession]) -> Response:
        """Respond with a new session, in the place of the one that the browser had; errors are those of `/api/v1`."""
        try:
            issued = await signing_in
        except AuthError as error:
            raise _api_error(error) from error
        former_token = self.cookies.session(request).read(request)
        if former_token is not None:
            await self.auth.sessions.end_by_token(former_token, except_id=issued.session_id)
        response = await self._session_response(request, issued)
        return with_device_cookie(self.auth, request, response, issued.account)

    async def _session_response(self, request: Request, issued: IssuedSession) -> Response:
        access_token = issued.access_token
        actor = self.auth.tokens.verify(access_token.text)
        aal = str(orjson.loads(actor.claims)["aal"])
        body = {
            "accessToken": access_token.text,
            "expiresAt": format_timestamp(datetime.fromtimestamp(access_token.expires_at, UTC)),
            "user": await self._user(issued.account.id),
            "aal": aal,
        }
        set_cookies = (
            self.cookies.session(request).write(issued.refresh_token, _MAX_AGE_S),
            self.cookies.files(request).write(self.file_tokens.issue(actor, aal), FILE_TOKEN_TTL_S),
        )
        return data_response(orjson.dumps(body), extra_headers=(*_HEADERS, *set_cookies))

    async def _user(self, user_id: UUID) -> dict[str, object]:
        """Return the user as they see themselves, also where they may read nothing before they show another factor."""
        async with self.rest.database.as_actor(_AUTH).transaction() as transaction:
            row = await transaction.fetch_row(_SELECT_USER, user_id)
        assert row is not None  # an account without a profile has no session
        return {
            name: _json_value(row[field.column.name])
            for name, field in users.fields.items()
            if field.column is not None
        }

    def _deleted_cookies(self, request: Request) -> tuple[Header, Header]:
        return self.cookies.session(request).delete(), self.cookies.files(request).delete()


def _parse_body(body: object) -> dict[str, str]:
    """Return either `email` and `password` or `refreshToken`; ValidationFailedError names what is wrong."""
    if not isinstance(body, dict):
        raise ValidationFailedError("The validation of the request failed: the body must be an object.")
    expected = _TOKEN_FIELDS if body.keys() & _TOKEN_FIELDS else _PASSWORD_FIELDS
    errors: dict[str, object] = {name: "is unknown" for name in body if name not in _PASSWORD_FIELDS | _TOKEN_FIELDS}
    errors |= dict.fromkeys(body.keys() & _PASSWORD_FIELDS - expected, "must not be sent with refreshToken")
    for name in expected:
        value = body.get(name)
        if not isinstance(value, str):
            errors[name] = "must be a string" if name in body else "is required"
        elif not value:
            errors[name] = "must not be empty"
    if errors:
        raise ValidationFailedError.from_field_errors(errors)
    return {name: body[name] for name in expected}


def _api_error(error: AuthError) -> AppError:
    """Return an error of `/auth/v1` as `/api/v1` responds with it."""
    if isinstance(error, BannedAtSignInError | EmailNotConfirmedError):
        return ForbiddenError(f"{error.message}.")
    return UnauthenticatedError(f"{error.message}.")


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return format_timestamp(value)
    return str(value) if isinstance(value, UUID) else value


def _client_info(request: Request) -> ClientInfo:
    locale = negotiate_locale(request.header(b"accept-language"))
    return ClientInfo(request.client_ip, request.header(b"user-agent") or "", locale)

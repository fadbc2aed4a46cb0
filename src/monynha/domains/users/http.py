"""Custom REST endpoints of users: sign up, and change the email address of the caller."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.core.locales import negotiate_locale
from monynha.domains.auth.accounts.passwords import DEFAULT_MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.users.actions import UserActions
from monynha.domains.users.models import users
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.openapi import email_schema, input_schema
from monynha.protocols.rest.context import RestContext, read_json_body, read_query
from monynha.protocols.rest.endpoint_docs import EndpointDoc
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import WriteHandlers

_EMAIL = {
    **email_schema(),
    "description": "Email address. A new address applies at once, or once it is confirmed.",
}


def endpoint_docs(password_min_length: int = DEFAULT_MIN_PASSWORD_LENGTH) -> tuple[EndpointDoc, ...]:
    """Return the documentation of these endpoints for OpenAPI."""
    password_schema = {
        "type": "string",
        "minLength": password_min_length,
        "maxLength": MAX_PASSWORD_LENGTH,
        "format": "password",
    }
    sign_up = EndpointDoc(
        "POST",
        "/users",
        "create",
        users,
        "Sign up. Returns the profile of the new user; 403 where only admins create accounts.",
        input_schemas={
            "name": input_schema(users.fields["name"]),
            "email": email_schema(),
            "password": password_schema,
        },
        required=("name", "email", "password"),
        replaces_fields=True,
        is_public=True,
    )
    updates = (
        EndpointDoc(method, "/users/{id}", "update", users, "A user of the application.", {"email": _EMAIL})
        for method in ("PUT", "PATCH")
    )
    return (sign_up, *updates)


@dataclass(frozen=True)
class UserRoutes:
    """The custom endpoints of users."""

    rest: RestContext
    actions: UserActions

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("POST", "/users"): self.sign_up,
            ("PUT", "/users/{id}"): self.update,
            ("PATCH", "/users/{id}"): self.update,
        }

    async def sign_up(self, request: Request) -> Response:
        """Create an account and its profile; needs no caller."""
        reject_unknown_params(read_query(request), ())
        client = _client_info(request)
        profile = await self.actions.sign_up(await read_json_body(request), client)
        location = f"{API_PREFIX}/{users.plural}/{profile['id']}".encode()
        return data_response(orjson.dumps(profile), status=201, extra_headers=((b"location", location),))

    async def update(self, request: Request) -> Response:
        """Update a profile; a new email address applies at once, or once it is confirmed."""
        handlers = WriteHandlers(self.rest, users)
        connection = self.rest.connect(request)

        async def update_columns(body: object, is_checked: bool) -> Response:
            return await handlers.update_from_body(request, connection, body, is_if_match_checked=is_checked)

        body = await read_json_body(request)
        return await self.actions.update_profile(
            connection,
            body,
            lambda: handlers.primary_key(request, connection)[0],
            update_columns,
            locale=_client_info(request).locale,
        )


def _client_info(request: Request) -> ClientInfo:
    locale = negotiate_locale(request.header(b"accept-language"))
    return ClientInfo(request.client_ip, request.header(b"user-agent") or "", locale)

"""Custom REST endpoints of people, for system admins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from monynha.core.errors import ConflictError, ForbiddenError, RateLimitedError
from monynha.core.locales import negotiate_locale
from monynha.domains.people.actions import (
    INVITE_DESCRIPTION,
    RESET_DESCRIPTION,
    SQL_ACTIONS,
    PeopleActions,
    PersonAction,
)
from monynha.domains.people.models import people
from monynha.engine.query.selection import Selection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.openapi import email_schema
from monynha.protocols.openapi.field_schemas import ref
from monynha.protocols.rest.context import RestContext, parse_primary_key, read_json_body, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.etag import compute_etag, item_headers
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import parse_flags

_COLLECTION_PATH: Final = "/admin/people"
_ITEM_PATH: Final = "/admin/people/{id}"
_RESET_PATH: Final = f"{_ITEM_PATH}/reset-password"
_ERRORS: Final = (ForbiddenError, ConflictError)

ENDPOINT_DOCS = (
    EndpointDoc(
        "POST",
        _COLLECTION_PATH,
        "create",
        people,
        INVITE_DESCRIPTION,
        input_schemas={"email": email_schema()},
        required=("email",),
        replaces_fields=True,
    ),
)
"""The documentation of the invitation, for OpenAPI."""

ACTION_DOCS = (
    *(
        CustomEndpointDoc(
            "POST",
            f"{_ITEM_PATH}/{action.path}",
            action.name,
            people,
            action.summary,
            action.description,
            ref(people.type_name),
            error_classes=_ERRORS,
        )
        for action in SQL_ACTIONS
    ),
    CustomEndpointDoc(
        "POST",
        _RESET_PATH,
        "resetPersonPassword",
        people,
        "Reset the password",
        RESET_DESCRIPTION,
        ref(people.type_name),
        error_classes=(*_ERRORS, RateLimitedError),
    ),
    CustomEndpointDoc(
        "DELETE",
        _ITEM_PATH,
        "deletePerson",
        people,
        "Delete a person",
        "Delete a person and what they own. 409 names owned projects that have other members, unless `cascade` is on.",
        {},
        query_schemas={
            name: {"type": "boolean", "default": False, "description": description}
            for name, description in people.delete_options.items()
        },
        status=204,
        error_classes=_ERRORS,
    ),
)
"""The documentation of the other endpoints, for OpenAPI."""


@dataclass(frozen=True)
class PeopleRoutes:
    """The custom endpoints of people."""

    rest: RestContext
    actions: PeopleActions

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("POST", _COLLECTION_PATH): self.invite,
            **{("POST", f"{_ITEM_PATH}/{action.path}"): partial(self._act, action) for action in SQL_ACTIONS},
            ("POST", _RESET_PATH): self.reset_password,
            ("DELETE", _ITEM_PATH): self.delete,
        }

    async def invite(self, request: Request) -> Response:
        """Create an account and mail a link."""
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        await self.actions.require_admin(connection)
        body = await read_json_body(request)
        person_id, row = await self.actions.invite(connection, body, _all_fields(), locale=_locale(request))
        location = f"{API_PREFIX}{_COLLECTION_PATH}/{person_id}".encode()
        headers = ((b"location", location), *item_headers(compute_etag(row)))
        return data_response(row.json, status=201, extra_headers=headers)

    async def reset_password(self, request: Request) -> Response:
        """Mail a link with which the person sets a new password."""
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        key = parse_primary_key(people, request, connection.actor)
        row = await self.actions.reset_password(connection, key, _all_fields(), locale=_locale(request))
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def delete(self, request: Request) -> Response:
        """Delete a person."""
        connection = self.rest.connect(request)
        options = parse_flags(request.query_params, tuple(people.delete_options))
        key = parse_primary_key(people, request, connection.actor)
        await self.actions.delete(connection, key, cascade="cascade" in options)
        return Response(204)

    async def _act(self, action: PersonAction, request: Request) -> Response:
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        key = parse_primary_key(people, request, connection.actor)
        row = await self.actions.act(connection, action, key, _all_fields())
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))


def _all_fields() -> Selection:
    return Selection(people, people.field_names)


def _locale(request: Request) -> str:
    return negotiate_locale(request.header(b"accept-language"))

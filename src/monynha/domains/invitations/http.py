"""Custom REST endpoints of invitations, and of members who are added by an address that may not be registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from monynha.core.errors import ConflictError, ForbiddenError, RateLimitedError, ValidationFailedError
from monynha.core.locales import negotiate_locale
from monynha.domains.invitations.actions import (
    ACCEPT_DESCRIPTION,
    DECLINE_DESCRIPTION,
    RESEND_DESCRIPTION,
    REVOKE_DESCRIPTION,
    InvitationActions,
    parse_invitation,
)
from monynha.domains.invitations.models import invitations
from monynha.domains.projects import members, projects
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.mutations import CreatedRow
from monynha.engine.mutation.validation import unwrap_data
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response, encode_header_lines, encode_headers
from monynha.protocols.openapi import email_schema, input_schema
from monynha.protocols.openapi.field_schemas import ref
from monynha.protocols.rest.context import (
    RestContext,
    parse_id,
    parse_primary_key,
    read_json_body,
    read_query,
)
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.etag import compute_etag, item_headers
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import WriteHandlers, parse_idempotency_key

_MEMBERS_PATH: Final = "/projects/{id}/members"
_COLLECTION_PATH: Final = "/projects/{id}/invitations"
_REVOKE_PATH: Final = "/invitations/{id}"
_RESEND_PATH: Final = "/invitations/{id}/resend"
_ACCEPT_PATH: Final = "/invitations/{id}/accept"
_DECLINE_PATH: Final = "/invitations/{id}/decline"
_REFERENCE_SCHEMA: Final = {
    "id": {
        "type": "string",
        "minLength": 1,
        "description": "The token of the link in the invitation's mail, or the id of the invitation.",
    }
}

ENDPOINT_DOCS = (
    EndpointDoc(
        "POST",
        _MEMBERS_PATH,
        "create",
        members,
        "A member of a project. An address without a confirmed account is invited instead: 202.",
        accepted=invitations,
    ),
    EndpointDoc(
        "POST",
        _COLLECTION_PATH,
        "create",
        invitations,
        "Invite an address to the project, registered or not. It gets a mail with a link.",
        input_schemas={"email": email_schema(), "role": input_schema(invitations.fields["role"])},
        required=("email",),
        replaces_fields=True,
    ),
)
"""The documentation of the endpoints that create, for OpenAPI."""

ACTION_DOCS = (
    CustomEndpointDoc(
        "DELETE",
        _REVOKE_PATH,
        "deleteInvitation",
        invitations,
        "Revoke an invitation",
        REVOKE_DESCRIPTION,
        {},
        status=204,
        error_classes=(ForbiddenError, ConflictError),
    ),
    CustomEndpointDoc(
        "POST",
        _RESEND_PATH,
        "resendInvitation",
        invitations,
        "Send an invitation again",
        RESEND_DESCRIPTION,
        ref(invitations.type_name),
        error_classes=(ForbiddenError, ConflictError, RateLimitedError),
    ),
    CustomEndpointDoc(
        "POST",
        _ACCEPT_PATH,
        "acceptInvitation",
        invitations,
        "Accept an invitation",
        ACCEPT_DESCRIPTION,
        ref(invitations.type_name),
        path_schemas=_REFERENCE_SCHEMA,
        error_classes=(ForbiddenError, ConflictError),
    ),
    CustomEndpointDoc(
        "POST",
        _DECLINE_PATH,
        "declineInvitation",
        invitations,
        "Decline an invitation",
        DECLINE_DESCRIPTION,
        {},
        path_schemas=_REFERENCE_SCHEMA,
        status=204,
        error_classes=(ForbiddenError, ConflictError),
    ),
)
"""The documentation of the other endpoints, for OpenAPI."""


@dataclass(frozen=True)
class InvitationRoutes:
    """The custom endpoints of invitations."""

    rest: RestContext
    actions: InvitationActions

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("POST", _MEMBERS_PATH): self.add_member,
            ("POST", _COLLECTION_PATH): self.invite,
            ("DELETE", _REVOKE_PATH): self.revoke,
            ("POST", _RESEND_PATH): self.resend,
            ("POST", _ACCEPT_PATH): self.accept,
            ("POST", _DECLINE_PATH): self.decline,
        }

    async def add_member(self, request: Request) -> Response:
        """Add a member; an address without a confirmed account is invited instead (202)."""
        handlers = WriteHandlers(self.rest, members)
        connection = self.rest.connect(request)
        body = await read_json_body(request)
        if not isinstance(body, dict) or "email" not in body or "userId" in body:
            return await handlers.create(request)
        await self._count_lookup(request, connection)
        try:
            return await handlers.create(request)
        except ValidationFailedError as error:
            if error.details != {"email": "is not registered"}:
                raise
        # The rights are checked: who may not add members gets no further.
        key = parse_idempotency_key(request, connection.actor, body)
        # Apart from the key of a member: what it has created is another kind of row.
        own_key = key and replace(key, path=f"{key.path}/invitation")
        created = await self._invite(request, connection, body, own_key)
        return _created_response(created, status=202)

    async def invite(self, request: Request) -> Response:
        """Invite an address, registered or not."""
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        body = await read_json_body(request)
        await self._count_lookup(request, connection)
        key = parse_idempotency_key(request, connection.actor, body)
        return _created_response(await self._invite(request, connection, body, key), status=201)

    async def revoke(self, request: Request) -> Response:
        """Revoke an invitation."""
        connection = self.rest.connect(request)
        reject_unknown_params(request.query_params, ())
        await self.actions.revoke(connection, parse_primary_key(invitations, request, connection.actor))
        return Response(204)

    async def resend(self, request: Request) -> Response:
        """Send an invitation again."""
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        key = parse_primary_key(invitations, request, connection.actor)
        selection = Selection(invitations, invitations.field_names)
        row = await self.actions.resend(connection, key, selection, locale=_locale(request))
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def accept(self, request: Request) -> Response:
        """Accept the invitation of a token or an id."""
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        row = await self.actions.accept(connection, request.path_params["id"])
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def decline(self, request: Request) -> Response:
        """Decline the invitation of a token or an id."""
        connection = self.rest.connect(request)
        reject_unknown_params(request.query_params, ())
        await self.actions.decline(connection, request.path_params["id"])
        return Response(204)

    async def _invite(
        self, request: Request, connection: ActorConnection, body: object, key: IdempotencyKey | None
    ) -> CreatedRow:
        project_id = parse_id(request.path_params["id"], connection.actor, projects.singular)
        invitation = parse_invitation(project_id, unwrap_data(body))
        return await self.actions.invite(connection, invitation, locale=_locale(request), idempotency_key=key)

    async def _count_lookup(self, request: Request, connection: ActorConnection) -> None:
        """Count the use of an address; the response reports this limit instead of that of API requests."""
        headers = await self.actions.limits.count_lookup(connection.actor)
        if headers:
            request.response_header_lines = encode_header_lines(encode_headers(*headers))


def _created_response(created: CreatedRow, *, status: int) -> Response:
    path = f"{API_PREFIX}/{invitations.plural}/{created.key[0]}"
    headers = [(b"location", path.encode()), *item_headers(compute_etag(created.row))]
    if created.is_replay:
        headers.append((b"idempotency-replayed", b"true"))
    return data_response(created.row.json, status=status, extra_headers=tuple(headers))


def _locale(request: Request) -> str:
    return negotiate_locale(request.header(b"accept-language"))

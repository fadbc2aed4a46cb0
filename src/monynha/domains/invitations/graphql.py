"""Custom GraphQL mutations of invitations: invite, revoke, send again, accept, decline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import NotFoundError, UnauthenticatedError
from monynha.core.locales import negotiate_locale
from monynha.domains.invitations.actions import (
    ACCEPT_DESCRIPTION,
    DECLINE_DESCRIPTION,
    RESEND_DESCRIPTION,
    InvitationActions,
    parse_invitation,
)
from monynha.domains.invitations.models import invitations
from monynha.domains.projects import members, projects
from monynha.engine.mutation.mutations import Mutations, PrimaryKey
from monynha.engine.mutation.validation import parse_create
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.schema.field_bindings import (
    CustomMutation,
    CustomMutationHandler,
    DomainMutation,
    MutationCall,
    ReferenceAction,
    ReferenceActionHandler,
    RowAction,
    RowActionHandler,
)

_ARGUMENT, _ARGUMENT_DOC = "token", "The token of the link in the invitation's mail, or the id of the invitation."
CREATE = CustomMutation(
    "create", invitations, {"email": "Address to invite, registered or not."}, field_inputs=("role",)
)
ADD_MEMBER = CustomMutation("create", members, field_inputs=None)
DELETE = CustomMutation("delete", invitations)
RESEND = RowAction("resendInvitation", invitations, RESEND_DESCRIPTION)
ACCEPT = ReferenceAction("acceptInvitation", invitations, _ARGUMENT, _ARGUMENT_DOC, ACCEPT_DESCRIPTION)
DECLINE = ReferenceAction(
    "declineInvitation",
    invitations,
    _ARGUMENT,
    _ARGUMENT_DOC,
    f"{DECLINE_DESCRIPTION} Returns true.",
    returns_row=False,
)
CUSTOM_MUTATIONS: tuple[DomainMutation, ...] = (ADD_MEMBER, CREATE, DELETE, RESEND, ACCEPT, DECLINE)


@dataclass(frozen=True)
class InvitationMutations:
    """Execute the custom mutations of invitations."""

    actions: InvitationActions
    mutations: Mutations

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """The handlers of adding a member, invite and revoke."""
        return {ADD_MEMBER: self.add_member, CREATE: self.invite, DELETE: self.revoke}

    @property
    def row_actions(self) -> dict[RowAction, RowActionHandler]:
        """The handlers of mutations of one invitation that the caller sees."""
        return {RESEND: self.resend}

    @property
    def reference_actions(self) -> dict[ReferenceAction, ReferenceActionHandler]:
        """The handlers of mutations of one invitation that the caller was sent."""
        return {ACCEPT: self.accept, DECLINE: self.decline}

    async def add_member(self, call: MutationCall) -> JsonRow:
        """Add a member; an address that is not registered is refused, and its use counted as REST's."""
        connection = _require_connection(call)
        if "email" in call.input:
            await self.actions.limits.count_lookup(connection.actor)
        values = parse_create(members, call.input)
        created = await self.mutations.create(
            connection, members, values, parent_id=_parent_id(call), result_selection=call.selection
        )
        return created.row

    async def invite(self, call: MutationCall) -> JsonRow:
        """Invite an address."""
        connection = _require_connection(call)
        await self.actions.limits.count_lookup(connection.actor)
        created = await self.actions.invite(
            connection,
            parse_invitation(_parent_id(call), dict(call.input)),
            locale=negotiate_locale(call.accept_language),
            selection=call.selection,
        )
        return created.row

    async def revoke(self, call: MutationCall) -> Mapping[str, object]:
        """Revoke an invitation."""
        await self.actions.revoke(_require_connection(call), call.key)
        return {}

    async def resend(self, connection: ActorConnection, key: PrimaryKey, selection: Selection) -> JsonRow:
        """Send an invitation again."""
        return await self.actions.resend(connection, key, selection, locale=None)

    async def accept(self, connection: ActorConnection, reference: str, selection: Selection | None) -> JsonRow:
        """Accept an invitation."""
        return await self.actions.accept(connection, reference, selection)

    async def decline(self, connection: ActorConnection, reference: str, selection: Selection | None) -> None:
        """Decline an invitation."""
        await self.actions.decline(connection, reference)


def _parent_id(call: MutationCall) -> UUID:
    if call.parent_id is None:
        raise NotFoundError.for_name(projects.singular)
    return call.parent_id


def _require_connection(call: MutationCall) -> ActorConnection:
    if call.connection is None:
        raise UnauthenticatedError()
    return call.connection

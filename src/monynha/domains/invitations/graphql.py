"""Custom GraphQL mutations of invitations: invite, revoke, send again, accept, decline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
from monynha.domains.projects import projects
from monynha.engine.mutation.mutations import PrimaryKey
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
CUSTOM_MUTATIONS: tuple[DomainMutation, ...] = (CREATE, DELETE, RESEND, ACCEPT, DECLINE)


@dataclass(frozen=True)
class InvitationMutations:
    """Execute the custom mutations of invitations."""

    actions: InvitationActions

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """The handlers of invite and revoke."""
        return {CREATE: self.invite, DELETE: self.revoke}

    @property
    def row_actions(self) -> dict[RowAction, RowActionHandler]:
        """The handlers of mutations of one invitation that the caller sees."""
        return {RESEND: self.resend}

    @property
    def reference_actions(self) -> dict[ReferenceAction, ReferenceActionHandler]:
        """The handlers of mutations of one invitation that the caller was sent."""
        return {ACCEPT: self.accept, DECLINE: self.decline}

    async def invite(self, call: MutationCall) -> JsonRow:
        """Invite an address."""
        connection = _require_connection(call)
        await self.actions.limits.count_lookup(connection.actor)
        if call.parent_id is None:
            raise NotFoundError.for_name(projects.singular)
        created = await self.actions.invite(
            connection,
            parse_invitation(call.parent_id, dict(call.input)),
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


def _require_connection(call: MutationCall) -> ActorConnection:
    if call.connection is None:
        raise UnauthenticatedError()
    return call.connection

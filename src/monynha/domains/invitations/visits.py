"""What the page behind the link in an invitation's mail does, for people who are not signed in.

The token shows what somebody is invited to and declines it. It lets nobody in: a mail may be forwarded. Joining takes
an account whose address is the invited one and confirmed, so the page signs up as everybody does, or signs in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import orjson

from monynha.core.actor import Actor, ActorKind, system_actor
from monynha.core.hashes import hash_token
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.services.sessions import ClientInfo, SignOutScope
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.invitations.actions import InvitationActions
from monynha.domains.invitations.models import InvitationStatus
from monynha.domains.invitations.tokens import page_path
from monynha.infra.postgres.database import Database

_INVITATIONS = system_actor("invitations")


@dataclass(frozen=True, slots=True)
class VisitedInvitation:
    """The invitation of a token, as the page shows it."""

    id: str
    email: str
    role: str
    project_id: str
    project: str
    inviter: str | None
    status: str
    is_registered: bool
    """Whether there is an account whose address is the invited one and confirmed."""

    @property
    def is_pending(self) -> bool:
        """Whether it can be accepted."""
        return self.status == InvitationStatus.PENDING.value

    @classmethod
    def parse(cls, text: bytes) -> VisitedInvitation:
        """Return the value of `monynha.invitation_by_token`."""
        values = orjson.loads(text)
        return cls(
            id=values["id"],
            email=values["email"],
            role=values["role"],
            project_id=values["projectId"],
            project=values["project"],
            inviter=values["inviter"],
            status=values["status"],
            is_registered=values["isRegistered"],
        )


@dataclass(frozen=True)
class InvitationVisits:
    """Shows, accepts and declines the invitation of a token."""

    database: Database
    auth: AuthServices
    actions: InvitationActions

    async def find(self, token: str) -> VisitedInvitation | None:
        """Return the invitation of a token, open or not; None for an unknown token."""
        async with self.database.as_actor(_INVITATIONS).transaction() as transaction:
            text = await transaction.fetch_json("select monynha.invitation_by_token($1)", hash_token(token))
        return None if text is None else VisitedInvitation.parse(text)

    async def sign_up(
        self, invitation: VisitedInvitation, token: str, name: str, password: str, client: ClientInfo
    ) -> bool:
        """Create an account for the invited address; return whether it has joined the project.

        Not yet, if the address has to be confirmed first: the link in that mail leads back to the page.
        """
        site_url = self.auth.mailer.links.site_url.rstrip("/")
        request = SignUpRequest(
            invitation.email, password, name, redirect_to=site_url + page_path(token), locale=client.locale
        )
        account = await self.auth.accounts.sign_up(request, client)
        if not account.is_verified:
            return False
        claims = json.dumps({"sub": str(account.id), "role": ActorKind.USER.value})
        await self._accept(Actor(ActorKind.USER, id=account.id, claims=claims), token)
        return True

    async def sign_in(self, invitation: VisitedInvitation, token: str, password: str, client: ClientInfo) -> None:
        """Accept the invitation with the password of its account; the session lasts only that long."""
        await self.auth.rate_limits.count_sign_in(client.ip, invitation.email)
        issued = await self.auth.sign_in.sign_in(invitation.email, password, client)
        try:
            await self._accept(self.auth.tokens.verify(issued.access_token.text), token)
        finally:
            await self.auth.sessions.sign_out(issued.account.id, issued.session_id, SignOutScope.LOCAL)

    async def decline(self, token: str) -> bool:
        """Decline the invitation of a token; return whether it was open."""
        async with self.database.as_actor(_INVITATIONS).transaction() as transaction:
            statement = "select monynha.decline_invitation_by_token($1)"
            declined_id = await transaction.fetch_value(statement, hash_token(token))
            if not isinstance(declined_id, UUID):
                return False
            await record_audit_event(
                transaction,
                "invitation.declined",
                actor_role="anon",
                target_type="invitation",
                target_id=str(declined_id),
            )
            return True

    async def _accept(self, actor: Actor, token: str) -> None:
        await self.actions.accept(self.database.as_actor(actor), token)

"""The actions of the domains that REST, GraphQL and the pages share."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.settings.settings import Settings
from monynha.domains.auth.composition import AuthServices
from monynha.domains.invitations.actions import InvitationActions
from monynha.domains.invitations.limits import InvitationLimits
from monynha.domains.people.actions import PeopleActions
from monynha.domains.users.actions import UserActions
from monynha.engine.query.queries import Queries
from monynha.protocols.http.rate_limits import RateLimits


@dataclass(frozen=True)
class DomainActions:
    """What can be done beyond the operations that are derived from the resources."""

    users: UserActions
    people: PeopleActions
    invitations: InvitationActions

    @classmethod
    def build(cls, settings: Settings, queries: Queries, auth: AuthServices, rate_limits: RateLimits) -> DomainActions:
        """Build the actions."""
        return cls(
            UserActions(auth.accounts),
            PeopleActions(queries, auth.admin_links, auth.rate_limits),
            InvitationActions(queries, InvitationLimits(rate_limits, settings.limit_invitation)),
        )

"""The mutations of people that are not derived: signing up, and changing one's own mail address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.accounts.passwords import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.users.actions import UserActions
from monynha.domains.users.models import users
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.mutation.validation import parse_update
from monynha.engine.query.queries import JsonRow
from monynha.protocols.graphql.schema.field_bindings import (
    CustomMutation,
    CustomMutationHandler,
    MutationCall,
)

SIGN_UP = CustomMutation(
    "create",
    users,
    {
        "name": "The name, as others see it.",
        "email": "The mail address, which signs in.",
        "password": f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.",
    },
    allows_anonymous=True,
)
UPDATE = CustomMutation("update", users, {"email": "A new mail address; it may have to be confirmed."})
CUSTOM_MUTATIONS = (SIGN_UP, UPDATE)


@dataclass(frozen=True)
class UserMutations:
    """Does the mutations of people that are not derived."""

    mutate: Mutations
    actions: UserActions

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """What does each."""
        return {SIGN_UP: self.sign_up, UPDATE: self.update}

    async def sign_up(self, call: MutationCall) -> Mapping[str, object]:
        """Make an account and its profile, for anybody."""
        return await self.actions.sign_up(dict(call.input), ClientInfo(call.client_ip, call.user_agent))

    async def update(self, call: MutationCall) -> JsonRow:
        """Change a profile; a new mail address counts at once, or once it is confirmed."""
        connection = call.connection
        if connection is None:
            raise UnauthenticatedError()

        async def update_columns(body: object, is_checked: bool) -> JsonRow:
            values = parse_update(users, body)
            return await self.mutate.update(connection, users, call.key, values, result_selection=call.selection)

        return await self.actions.update_profile(dict(call.input), lambda: call.key[0], update_columns)

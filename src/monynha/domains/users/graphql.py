"""Custom GraphQL mutations of users: sign up, and change the email address of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.errors import UnauthenticatedError
from monynha.core.locales import negotiate_locale
from monynha.domains.auth.accounts.passwords import MAX_PASSWORD_LENGTH
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.users.actions import UserActions
from monynha.domains.users.models import users
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.mutation.validation import parse_update
from monynha.engine.query.parameter import JsonRow
from monynha.protocols.graphql.schema.field_bindings import (
    CustomMutation,
    CustomMutationHandler,
    MutationCall,
)

SIGN_UP = CustomMutation(
    "create",
    users,
    {
        "name": "Display name.",
        "email": "Email address to sign in with.",
        "password": f"Password of at most {MAX_PASSWORD_LENGTH} characters; a setting says how many it must have.",
    },
    allows_anonymous=True,
)
UPDATE = CustomMutation("update", users, {"email": "New email address; it may have to be confirmed before it applies."})
CUSTOM_MUTATIONS = (SIGN_UP, UPDATE)


@dataclass(frozen=True)
class UserMutations:
    """Execute the custom mutations of users."""

    mutations: Mutations
    actions: UserActions

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """The handlers by mutation."""
        return {SIGN_UP: self.sign_up, UPDATE: self.update}

    async def sign_up(self, call: MutationCall) -> Mapping[str, object]:
        """Create an account and its profile; needs no caller."""
        return await self.actions.sign_up(dict(call.input), _client_info(call))

    async def update(self, call: MutationCall) -> JsonRow:
        """Update a profile; a new email address applies at once, or once it is confirmed."""
        connection = call.connection
        if connection is None:
            raise UnauthenticatedError()

        async def update_columns(body: object, is_checked: bool) -> JsonRow:
            values = parse_update(users, body)
            return await self.mutations.update(connection, users, call.key, values, result_selection=call.selection)

        return await self.actions.update_profile(
            connection, dict(call.input), lambda: call.key[0], update_columns, locale=_client_info(call).locale
        )


def _client_info(call: MutationCall) -> ClientInfo:
    return ClientInfo(call.client_ip, call.user_agent, negotiate_locale(call.accept_language))

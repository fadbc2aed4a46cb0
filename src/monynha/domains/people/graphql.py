"""Custom GraphQL mutations of people, for system admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from monynha.core.errors import UnauthenticatedError
from monynha.core.locales import negotiate_locale
from monynha.domains.people.actions import RESET_DESCRIPTION, SQL_ACTIONS, PeopleActions, PersonAction
from monynha.domains.people.models import people
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.schema.field_bindings import (
    CustomMutation,
    CustomMutationHandler,
    DomainMutation,
    MutationCall,
    RowAction,
    RowActionHandler,
)

INVITE = CustomMutation("create", people, {"email": "Address of the person, who gets a mail with a link."})
DELETE = CustomMutation("delete", people)
RESET_PASSWORD = RowAction("resetPersonPassword", people, RESET_DESCRIPTION)
_SQL_ACTIONS = {RowAction(action.name, people, action.description): action for action in SQL_ACTIONS}
CUSTOM_MUTATIONS: tuple[DomainMutation, ...] = (INVITE, DELETE, RESET_PASSWORD, *_SQL_ACTIONS)


@dataclass(frozen=True)
class PeopleMutations:
    """Execute the custom mutations of people."""

    actions: PeopleActions

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """The handlers of invite and delete."""
        return {INVITE: self.invite, DELETE: self.delete}

    @property
    def row_actions(self) -> dict[RowAction, RowActionHandler]:
        """The handlers of mutations of one person."""
        handlers: dict[RowAction, RowActionHandler] = {
            row_action: partial(self._act, action) for row_action, action in _SQL_ACTIONS.items()
        }
        return {**handlers, RESET_PASSWORD: self._reset_password}

    async def invite(self, call: MutationCall) -> JsonRow:
        """Create an account and mail a link."""
        connection = _require_connection(call)
        locale = negotiate_locale(call.accept_language)
        _, row = await self.actions.invite(connection, dict(call.input), call.selection, locale=locale)
        return row

    async def delete(self, call: MutationCall) -> Mapping[str, object]:
        """Delete a person."""
        await self.actions.delete(_require_connection(call), call.key, cascade=call.input.get("cascade") is True)
        return {}

    async def _act(
        self, action: PersonAction, connection: ActorConnection, key: PrimaryKey, selection: Selection
    ) -> JsonRow:
        return await self.actions.act(connection, action, key, selection)

    async def _reset_password(self, connection: ActorConnection, key: PrimaryKey, selection: Selection) -> JsonRow:
        return await self.actions.reset_password(connection, key, selection, locale=None)


def _require_connection(call: MutationCall) -> ActorConnection:
    if call.connection is None:
        raise UnauthenticatedError()
    return call.connection

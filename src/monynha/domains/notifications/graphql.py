"""The mutations of notifications: marking one as read, or all."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import UnauthenticatedError
from monynha.domains.notifications.actions import READ_DESCRIPTION, READ_FIELD, mark_all_read, mark_read
from monynha.domains.notifications.http import ACTION_DOCS
from monynha.domains.notifications.models import notifications
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.parameter import JsonRow
from monynha.protocols.graphql.schema.field_bindings import (
    BulkAction,
    BulkActionHandler,
    CustomMutation,
    CustomMutationHandler,
    MutationCall,
)

UPDATE = CustomMutation("update", notifications, flag_inputs={READ_FIELD: READ_DESCRIPTION})
MARK_ALL_READ = BulkAction(ACTION_DOCS[0].operation_id, ACTION_DOCS[0].doc)
CUSTOM_MUTATIONS = (UPDATE, MARK_ALL_READ)


@dataclass(frozen=True)
class NotificationMutations:
    """Does them."""

    mutate: Mutations

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """What is done to one."""
        return {UPDATE: self.mark_read}

    @property
    def bulk_actions(self) -> dict[BulkAction, BulkActionHandler]:
        """What is done to all."""
        return {MARK_ALL_READ: mark_all_read}

    async def mark_read(self, call: MutationCall) -> JsonRow:
        """Mark one as read or unread."""
        if call.connection is None:
            raise UnauthenticatedError()
        is_read = call.input.get(READ_FIELD)
        return await mark_read(
            self.mutate,
            call.connection,
            call.key,
            is_read if isinstance(is_read, bool) else None,
            selection=call.selection,
        )

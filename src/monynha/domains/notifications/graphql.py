"""Custom GraphQL mutations of notifications: mark one as read or unread, mark all as read."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import UnauthenticatedError
from monynha.domains.notifications.actions import (
    MARK_ALL_READ_DESCRIPTION,
    MARK_ALL_READ_NAME,
    READ_DESCRIPTION,
    READ_FIELD,
    mark_all_read,
    mark_read,
)
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
MARK_ALL_READ = BulkAction(MARK_ALL_READ_NAME, MARK_ALL_READ_DESCRIPTION)
CUSTOM_MUTATIONS = (UPDATE, MARK_ALL_READ)


@dataclass(frozen=True)
class NotificationMutations:
    """Execute the custom mutations of notifications."""

    mutations: Mutations

    @property
    def resolvers(self) -> dict[CustomMutation, CustomMutationHandler]:
        """The handlers of mutations of one notification."""
        return {UPDATE: self.mark_read}

    @property
    def bulk_actions(self) -> dict[BulkAction, BulkActionHandler]:
        """The handlers of mutations of all notifications of the caller."""
        return {MARK_ALL_READ: mark_all_read}

    async def mark_read(self, call: MutationCall) -> JsonRow:
        """Mark a notification as read or unread."""
        if call.connection is None:
            raise UnauthenticatedError()
        is_read = call.input.get(READ_FIELD)
        return await mark_read(
            self.mutations,
            call.connection,
            call.key,
            is_read if isinstance(is_read, bool) else None,
            selection=call.selection,
        )

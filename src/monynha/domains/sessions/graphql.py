"""Custom GraphQL mutations of sessions: end all of the caller, or all but the current one."""

from __future__ import annotations

from monynha.domains.sessions.actions import (
    END_ALL_DESCRIPTION,
    END_ALL_NAME,
    END_OTHERS_DESCRIPTION,
    END_OTHERS_NAME,
    end_all_sessions,
    end_other_sessions,
)
from monynha.protocols.graphql.schema.field_bindings import BulkAction, BulkActionHandler

_END_ALL = BulkAction(END_ALL_NAME, END_ALL_DESCRIPTION)
_END_OTHERS = BulkAction(END_OTHERS_NAME, END_OTHERS_DESCRIPTION)
CUSTOM_MUTATIONS = (_END_ALL, _END_OTHERS)
BULK_ACTIONS: dict[BulkAction, BulkActionHandler] = {_END_ALL: end_all_sessions, _END_OTHERS: end_other_sessions}
"""The handlers of the mutations."""

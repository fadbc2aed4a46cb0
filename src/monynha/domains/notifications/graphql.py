"""The mutations of notifications: marking one as read, or all."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import Unauthenticated
from monynha.domains.notifications.actions import READ, READ_DOC, mark, mark_all
from monynha.domains.notifications.http import ACTIONS
from monynha.domains.notifications.models import notifications
from monynha.engine.mutate import Mutate
from monynha.engine.query import Found
from monynha.protocols.graphql.meaning import Call, Deed, Do, Own, Run

MARK = Own("update", notifications, flags={READ: READ_DOC})
MARK_ALL = Deed(ACTIONS[0].name, ACTIONS[0].doc)
OWN = (MARK, MARK_ALL)


@dataclass(frozen=True)
class NotificationMutations:
    """Does them."""

    mutate: Mutate

    @property
    def runs(self) -> dict[Own, Run]:
        """What is done to one."""
        return {MARK: self.mark}

    @property
    def deeds(self) -> dict[Deed, Do]:
        """What is done to all."""
        return {MARK_ALL: mark_all}

    async def mark(self, call: Call) -> Found:
        """Mark one as read or unread."""
        if call.acting is None:
            raise Unauthenticated()
        is_read = call.body.get(READ)
        return await mark(
            self.mutate,
            call.acting,
            call.key,
            is_read if isinstance(is_read, bool) else None,
            answer=call.answer,
        )

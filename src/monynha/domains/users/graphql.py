"""The mutations of people that are not derived: signing up, and changing one's own mail address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.errors import Unauthenticated
from monynha.domains.auth.passwords import LONGEST, SHORTEST
from monynha.domains.users.actions import UserActions
from monynha.domains.users.models import users
from monynha.engine.mutate import Mutate
from monynha.engine.mutation import read_update
from monynha.engine.query import Found
from monynha.protocols.graphql.meaning import Call, Own, Run

SIGN_UP = Own(
    "create",
    users,
    {
        "name": "The name, as others see it.",
        "email": "The mail address, which signs in.",
        "password": f"{SHORTEST} to {LONGEST} characters.",
    },
    is_open=True,
)
CHANGE = Own("update", users, {"email": "A new mail address; it may have to be confirmed."})
OWN = (SIGN_UP, CHANGE)


@dataclass(frozen=True)
class UserMutations:
    """Does the mutations of people that are not derived."""

    mutate: Mutate
    actions: UserActions

    @property
    def runs(self) -> dict[Own, Run]:
        """What does each."""
        return {SIGN_UP: self.sign_up, CHANGE: self.change}

    async def sign_up(self, call: Call) -> Mapping[str, object]:
        """Make an account and its profile, for anybody."""
        return await self.actions.sign_up(dict(call.body), call.request)

    async def change(self, call: Call) -> Found:
        """Change a profile; a new mail address counts at once, or once it is confirmed."""
        acting = call.acting
        if acting is None:
            raise Unauthenticated()

        async def write(body: object, is_checked: bool) -> Found:
            values = read_update(users, body)
            return await self.mutate.update(acting, users, call.key, values, answer=call.answer)

        return await self.actions.change(dict(call.body), lambda: call.key[0], write)

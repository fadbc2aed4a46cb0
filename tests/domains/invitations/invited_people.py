"""People who are invited, and the mails that they get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from monynha.core.settings.settings import Settings
from tests.conditions import wait_until
from tests.emails import SentEmail, read_emails
from tests.project_team import ProjectTeam
from tests.users import ApiUser


def new_address(name: str = "grace") -> str:
    """Return an address that is not registered."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


async def invite(inviter: ApiUser, team: ProjectTeam, email: str, role: str = "member") -> dict[str, Any]:
    """Invite an address, and return the invitation."""
    return await inviter.create(f"{team.path}/invitations", {"email": email, "role": role})


@dataclass(frozen=True)
class Mailbox:
    """The mails of the program, which its worker writes into a folder."""

    settings: Settings

    async def wait_for(self, email: str, count: int = 1) -> list[SentEmail]:
        """Return the mails to an address once there are so many."""
        await wait_until(lambda: len(self.read(email)) >= count)
        return self.read(email)

    def read(self, email: str) -> list[SentEmail]:
        """Return the mails to an address that have been sent, oldest first."""
        return read_emails(self.settings.mail_dir, email)

    async def token(self, email: str, number: int = 1) -> str:
        """Return the token in the invitation of that number to an address."""
        mail = (await self.wait_for(email, number))[number - 1]
        return token_of(mail)


def token_of(mail: SentEmail) -> str:
    """Return the token in the link of an invitation."""
    link = re.search(r"https?://\S+/invitations\?\S+", mail.text)
    assert link, mail.text
    return parse_qs(urlsplit(link[0]).query)["token"][0]


async def role_in(team: ProjectTeam, user: ApiUser) -> str | None:
    """Return the role of a user in the project, None for no member."""
    response = await team.owner.get(f"{team.path}/members/{user.id}")
    return None if response.status_code == 404 else str(response.json()["data"]["role"])


async def status_of(team: ProjectTeam, invitation: dict[str, Any]) -> str:
    """Return the status of an invitation, as the owner sees it."""
    return str((await team.owner.get(f"/invitations/{invitation['id']}")).json()["data"]["status"])


def problem(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the message of an error."""
    return response.status_code, response.json()["error"]["message"]

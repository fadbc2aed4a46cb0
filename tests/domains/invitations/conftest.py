"""Fixtures of invitations."""

from __future__ import annotations

import pytest

from monynha.core.settings.settings import Settings
from tests.domains.invitations.invited_people import Mailbox
from tests.project_team import ProjectTeam, create_project_team
from tests.users import UserFactory


@pytest.fixture
async def team(users: UserFactory) -> ProjectTeam:
    """Return a project and its owner."""
    return await create_project_team(users)


@pytest.fixture
def mailbox(settings: Settings) -> Mailbox:
    """Return the mails that the program has sent."""
    return Mailbox(settings)

"""The audit log in the words of GoTrue: the database decides who reads it, whatever the route has checked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.domains.auth.services.audit_log import AuditLogService
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

SERVICE = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')


@dataclass(frozen=True)
class FirstPage:
    """The first page of the log."""

    service: AuditLogService

    async def read(self, actor: Actor, scope: str | None = None, text: str = "") -> int:
        """Return how many entries an actor gets."""
        entries, total = await self.service.list_page(actor, page_number=1, page_size=5, scope=scope, text=text)
        assert total >= len(entries)
        return len(entries)


@pytest.fixture
def first_page(database: Database) -> FirstPage:
    return FirstPage(AuditLogService(database))


async def test_the_database_refuses_everybody_but_admins(first_page: FirstPage, user: ApiUser) -> None:
    for actor in (user.actor, ANONYMOUS):
        with pytest.raises(ConstraintViolationError) as caught:
            await first_page.read(actor)
        assert caught.value.is_permission_denied


@pytest.mark.parametrize("scope", [None, "author", "action", "type"])
@pytest.mark.parametrize("text", ["", "x" * 5_000, "\\", "%", "\x00", "'; --", "login"])
async def test_any_text_is_only_a_text(first_page: FirstPage, scope: str | None, text: str) -> None:
    assert await first_page.read(SERVICE, scope, text) >= 0

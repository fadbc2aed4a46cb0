"""Invitations end when their time is over, and are forgotten long after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.domains.invitations.expiry import EXPIRY_QUEUE, InvitationExpiry, InvitationExpiryPayload
from monynha.infra.postgres.database import Database
from monynha.infra.queue.job import Job
from tests.domains.invitations.invited_people import invite, new_address, status_of
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam

pytestmark = pytest.mark.anyio


async def run_job(database: Database) -> object:
    """Run the job."""
    payload = InvitationExpiryPayload(uuid4())
    job = Job(uuid4(), EXPIRY_QUEUE, payload, 1, None, system_actor(EXPIRY_QUEUE), lambda _: None)
    return await InvitationExpiry(database).run(job)


async def test_a_job_is_enqueued_for_the_time_at_which_an_invitation_ends(
    team: ProjectTeam, owner_sql: OwnerSql
) -> None:
    invitation = await invite(team.owner, team, new_address())

    [job] = await owner_sql(
        "select run_at from monynha.jobs where queue = $1 and payload ->> 'invitationId' = $2",
        EXPIRY_QUEUE,
        invitation["id"],
    )

    expires_at = datetime.fromisoformat(invitation["expiresAt"])
    assert expires_at < job["run_at"] < expires_at + timedelta(seconds=30)


async def test_what_is_due_expires_and_nothing_else(team: ProjectTeam, owner_sql: OwnerSql, database: Database) -> None:
    due, declined, later = [await invite(team.owner, team, new_address()) for _ in range(3)]
    await owner_sql(
        "update public.invitations set expires_at = now() where id = any ($1::uuid[])", [due["id"], declined["id"]]
    )
    await owner_sql("update public.invitations set status = 'declined' where id = $1::uuid", declined["id"])

    await run_job(database)
    again = await run_job(database)

    statuses = [await status_of(team, invitation) for invitation in (due, declined, later)]
    assert statuses == ["expired", "declined", "pending"]
    assert again == {"expired": 0}


async def test_ended_invitations_are_deleted_after_90_days(
    team: ProjectTeam, owner_sql: OwnerSql, database: Database
) -> None:
    old, recent, open_one = [await invite(team.owner, team, new_address()) for _ in range(3)]
    now = datetime.now(UTC)
    for invitation, status, days in ((old, "expired", 91), (recent, "revoked", 89), (open_one, "pending", 91)):
        await owner_sql(
            "update public.invitations set status = $2, expires_at = $3 where id = $1::uuid",
            invitation["id"],
            status,
            now - timedelta(days=days),
        )

    await InvitationExpiry(database).delete_ended(now)

    left = [
        (await team.owner.get(f"/invitations/{invitation['id']}")).status_code for invitation in (old, recent, open_one)
    ]
    assert left == [404, 200, 200]

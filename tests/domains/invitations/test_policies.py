"""Who can invite whom, and see and end invitations."""

from __future__ import annotations

import asyncio

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.errors import ForbiddenError
from monynha.core.settings.settings import Settings
from monynha.infra.postgres.database import Database, guard_query
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.domains.invitations.invited_people import invite, new_address, status_of
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam, StatusByVerb, create_project_team, rights_table
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ACTIVE = """
                 list  invite_viewer  invite_admin  add_unknown  resend  resend_admin  revoke  revoke_admin
    anonymous     401            401           401          401     401           401     401           401
    outsider      404            404           404          404     404           404     404           404
    removed       404            404           404          404     404           404     404           404
    viewer        200            403           403          403     403           403     403           403
    member        200            403           403          403     403           403     403           403
    assignee      200            403           403          403     403           403     403           403
    admin         200            201           403          202     200           403     204           403
    owner         200            201           201          202     200           200     204           204
    system_admin  200            201           201          202     200           200     204           204
"""
ARCHIVED = """
                 list  invite_viewer  invite_admin  add_unknown  resend  resend_admin  revoke  revoke_admin
    outsider      404            404           404          404     404           404     404           404
    member        200            403           403          403     403           403     403           403
    admin         200            403           403          403     403           403     403           403
    owner         200            403           403          403     403           403     403           403
    system_admin  200            403           403          403     403           403     403           403
"""


async def statuses(team: ProjectTeam, actor: ApiUser, *, archived: bool = False) -> StatusByVerb:
    """Return the status of each verb."""
    member = await invite(team.owner, team, new_address(), "member")
    admin = await invite(team.owner, team, new_address(), "admin")
    if archived:
        await team.archive()
    path = f"{team.path}/invitations"

    async def create(role: str) -> int:
        return (await actor.post(path, {"email": new_address(), "role": role})).status_code

    return {
        "list": (await actor.get(path)).status_code,
        "invite_viewer": await create("viewer"),
        "invite_admin": await create("admin"),
        "add_unknown": (await actor.post(f"{team.path}/members", {"email": new_address()})).status_code,
        "resend": (await actor.post(f"/invitations/{member['id']}/resend", None)).status_code,
        "resend_admin": (await actor.post(f"/invitations/{admin['id']}/resend", None)).status_code,
        "revoke": (await actor.delete(f"/invitations/{member['id']}")).status_code,
        "revoke_admin": (await actor.delete(f"/invitations/{admin['id']}")).status_code,
    }


@pytest.mark.parametrize(("name", "expected"), rights_table(ACTIVE))
async def test_invitations_to_an_active_project_can_be_managed_by(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    actual = await statuses(team, actor)

    assert actual == expected


@pytest.mark.parametrize(("name", "expected"), rights_table(ARCHIVED))
async def test_nobody_is_invited_to_an_archived_project(users: UserFactory, name: str, expected: StatusByVerb) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    actual = await statuses(team, actor, archived=True)

    assert actual == expected


@pytest.mark.parametrize(("name", "sees_address"), [("viewer", False), ("member", False), ("admin", True)])
async def test_the_address_is_shown_to_those_who_manage_members(
    team: ProjectTeam, name: str, sees_address: bool
) -> None:
    email = new_address()
    invitation = await invite(team.owner, team, email)
    actor = await team.actor(name)

    listed = (await actor.get(f"{team.path}/invitations")).json()["data"]
    item = (await actor.get(f"/invitations/{invitation['id']}")).json()["data"]

    expected = email if sees_address else None
    assert [row["email"] for row in listed] == [expected]
    assert item == {**invitation, "email": expected}


async def test_the_events_of_an_invitation_hold_no_address(team: ProjectTeam, owner_sql: OwnerSql) -> None:
    email = new_address()
    invitation = await invite(team.owner, team, email)
    await team.owner.delete(f"/invitations/{invitation['id']}")

    events = await owner_sql(
        "select verb, new, old from monynha.events where stream = $1::uuid and resource = 'invitations' "
        "order by version",
        team.project["id"],
    )

    assert [event["verb"] for event in events] == ["insert", "update"]
    assert email not in str(events)
    assert '"status": "revoked"' in events[1]["new"]


async def test_an_invited_person_sees_nothing_of_the_project_before_they_accept(
    team: ProjectTeam, users: UserFactory
) -> None:
    ada = await users.create("Ada")
    invitation = await invite(team.owner, team, ada.email)

    paths = [team.path, f"{team.path}/members", f"{team.path}/invitations", f"/invitations/{invitation['id']}"]
    assert [(await ada.get(path)).status_code for path in paths] == [404] * 4
    assert (await ada.get("/invitations")).json()["data"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*)::text::json from monynha.invitation_tokens",
        "select to_json(monynha.invitation_by_token('x'))",
        "select to_json(monynha.is_invited_address('ada@example.com'))",
        "select to_json(monynha.may_grant_role(null, 'admin', null))",
        "select to_json(monynha.invitation_mail(null))",
        "select to_json(monynha.expire_invitations())",
    ],
)
@pytest.mark.parametrize("is_admin", [False, True])
async def test_nobody_reads_tokens_or_calls_what_is_not_theirs(
    users: UserFactory, database: Database, statement: str, is_admin: bool
) -> None:
    user = await users.create(is_admin=is_admin)

    with pytest.raises(ForbiddenError):
        await database.as_actor(user.actor).fetch_json(guard_query(statement), ())


@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.invitations (project_id, email, expires_at) values ($1, 'a@b.example', now())",
        "update public.invitations set role = 'admin' where project_id = $1",
        "update public.invitations set status = 'pending' where project_id = $1",
        "delete from public.invitations where project_id = $1",
    ],
)
async def test_even_the_owner_cannot_write_invitations_past_the_functions(
    team: ProjectTeam, database: Database, statement: str
) -> None:
    await invite(team.owner, team, new_address())

    with pytest.raises(ConstraintViolationError) as raised:
        async with database.as_actor(team.owner.actor).transaction() as transaction:
            await transaction.execute(statement, team.project["id"])

    assert raised.value.is_permission_denied


async def test_the_service_key_can_invite(team: ProjectTeam, users: UserFactory, settings: Settings) -> None:
    key = make_key("service_role", settings.jwt_secret)
    headers = {"authorization": f"Bearer {key}"}
    ada = await users.create("Ada")

    response = await users.client.post(
        f"/api/v1{team.path}/invitations", json={"email": ada.email, "role": "admin"}, headers=headers
    )
    accepted = await ada.post(f"/invitations/{response.json()['data']['id']}/accept", None)

    assert (response.status_code, response.json()["data"]["invitedById"]) == (201, None)
    assert (accepted.status_code, accepted.json()["data"]["role"]) == (200, "admin")


async def test_two_managers_who_invite_the_same_address_make_one_invitation(team: ProjectTeam) -> None:
    email, admin = new_address(), await team.actor("admin")

    responses = await asyncio.gather(
        *(actor.post(f"{team.path}/invitations", {"email": email}) for actor in (team.owner, admin) for _ in range(3))
    )

    assert sorted(response.status_code for response in responses) == [201, *[409] * 5]
    listed = (await team.owner.get(f"{team.path}/invitations")).json()["data"]
    assert [row["email"] for row in listed] == [email]


async def test_an_invitation_ends_with_its_project_and_with_the_account_of_its_sender(
    team: ProjectTeam, users: UserFactory
) -> None:
    admin, ada = await team.actor("admin"), await users.create("Ada")
    by_admin = await invite(admin, team, ada.email)
    by_owner = await invite(team.owner, team, new_address())
    await admin.delete("/users/me")

    after_deletion = await ada.post(f"/invitations/{by_admin['id']}/accept", None)
    kept = await status_of(team, by_owner)
    deleted = await team.owner.delete(team.path)

    assert (after_deletion.status_code, kept, deleted.status_code) == (404, "pending", 204)
    assert (await team.owner.get(f"/invitations/{by_owner['id']}")).status_code == 404

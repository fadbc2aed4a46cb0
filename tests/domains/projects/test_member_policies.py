"""Who can add, change and remove members: every actor with every role of member."""

from __future__ import annotations

import asyncio

import pytest

from tests.project_team import ProjectTeam, StatusByVerb, create_project_team, rights_table
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ACTIVE = """
                 list  add_viewer  add_admin  promote  make_admin  hand_over  lower_admin  remove  remove_admin
    anonymous     401         401        401    401         401        401          401     401           401
    outsider      404         404        404    404         404        404          404     404           404
    removed       404         404        404    404         404        404          404     404           404
    viewer        200         403        403    403         403        403          403     403           403
    member        200         403        403    403         403        403          403     403           403
    admin         200         201        403    200         403        403          403     204           403
    owner         200         201        201    200         200        200          403     204           403
    system_admin  200         201        201    200         200        200          200     204           204
"""
ARCHIVED = """
                 list  add_viewer  add_admin  promote  make_admin  hand_over  lower_admin  remove  remove_admin
    outsider      404         404        404    404         404        404          404     404           404
    viewer        200         403        403    403         403        403          403     403           403
    admin         200         403        403    403         403        403          403     403           403
    owner         200         403        403    403         403        403          403     403           403
    system_admin  200         403        403    403         403        403          403     403           403
"""
OWNER_MEMBERSHIP = """
                 lower  remove
    outsider       404     404
    viewer         403     403
    member         403     403
    admin          403     403
    owner          409     409
    system_admin   409     409
"""


async def member_statuses(team: ProjectTeam, actor: ApiUser, *, archived: bool = False) -> StatusByVerb:
    """Return the status of each verb; each verb has a member of its own as target."""
    viewer, promoted, other = [await team.actor("viewer") for _ in range(3)]
    admin, second_admin = await team.actor("admin"), await team.actor("admin")
    new, second_new = [await team.users.create() for _ in range(2)]
    if archived:
        await team.archive()
    members = f"{team.path}/members"

    async def put(user: ApiUser, role: str) -> int:
        return (await actor.put(f"{members}/{user.id}", {"role": role})).status_code

    async def add(user: ApiUser, role: str) -> int:
        return (await actor.post(members, {"userId": str(user.id), "role": role})).status_code

    return {
        "list": (await actor.get(members)).status_code,
        "add_viewer": await add(new, "viewer"),
        "add_admin": await add(second_new, "admin"),
        "promote": await put(promoted, "member"),
        "make_admin": await put(other, "admin"),
        "remove": (await actor.delete(f"{members}/{viewer.id}")).status_code,
        "hand_over": await put(promoted, "owner"),
        # The former owner is an admin from here on.
        "lower_admin": await put(admin, "member"),
        "remove_admin": (await actor.delete(f"{members}/{second_admin.id}")).status_code,
    }


@pytest.mark.parametrize(("name", "expected"), rights_table(ACTIVE))
async def test_members_of_an_active_project_can_be_changed_by(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    actual = await member_statuses(team, actor)

    assert actual == expected


@pytest.mark.parametrize(("name", "expected"), rights_table(ARCHIVED))
async def test_members_of_an_archived_project_cannot_be_changed(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    actual = await member_statuses(team, actor, archived=True)

    assert actual == expected


@pytest.mark.parametrize(("name", "expected"), rights_table(OWNER_MEMBERSHIP))
async def test_the_owner_cannot_be_demoted_or_removed(users: UserFactory, name: str, expected: StatusByVerb) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    member_path = f"{team.path}/members/{team.owner.id}"

    actual = {
        "lower": (await actor.put(member_path, {"role": "admin"})).status_code,
        "remove": (await actor.delete(member_path)).status_code,
    }

    assert actual == expected
    assert (await team.owner.get(member_path)).json()["data"]["role"] == "owner"


async def test_only_the_owner_can_change_admins(users: UserFactory) -> None:
    team = await create_project_team(users)
    admin = await team.actor("admin")

    demoted = await team.owner.put(f"{team.path}/members/{admin.id}", {"role": "viewer"})
    promoted = await team.owner.put(f"{team.path}/members/{admin.id}", {"role": "admin"})
    removed = await team.owner.delete(f"{team.path}/members/{admin.id}")

    assert (demoted.status_code, promoted.status_code, removed.status_code) == (200, 200, 204)


@pytest.mark.parametrize("role", ["viewer", "member", "admin", "assignee"])
@pytest.mark.parametrize("is_archived", [False, True])
async def test_every_member_but_the_owner_can_leave(users: UserFactory, role: str, is_archived: bool) -> None:
    team = await create_project_team(users)
    actor = await team.actor(role)
    if is_archived:
        await team.archive()

    left = await actor.delete(f"{team.path}/members/me")

    assert left.status_code == 204
    assert (await actor.get(team.path)).status_code == 404


async def test_a_system_admin_can_leave_an_archived_project(users: UserFactory) -> None:
    team = await create_project_team(users)
    admin = await team.actor("system_admin")
    await team.owner.create(f"{team.path}/members", {"userId": str(admin.id)})
    await team.archive()

    left = await admin.delete(f"{team.path}/members/me")

    assert left.status_code == 204


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
@pytest.mark.parametrize("wanted_role", ["member", "admin", "owner"])
async def test_members_cannot_promote_themselves(users: UserFactory, role: str, wanted_role: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(role)
    is_unchanged = role == wanted_role

    response = await actor.put(f"{team.path}/members/me", {"role": wanted_role})

    assert response.status_code == 403 or is_unchanged
    assert role == (await actor.get(f"{team.path}/members/me")).json()["data"]["role"]


async def test_transferring_ownership_makes_the_former_owner_an_admin(users: UserFactory) -> None:
    team = await create_project_team(users)
    new_owner = await team.actor("viewer")
    member_path = f"{team.path}/members/{new_owner.id}"

    response = await team.owner.put(member_path, {"role": "owner"})

    assert (response.status_code, response.json()["data"]["role"]) == (200, "owner")
    project = (await new_owner.get(team.path)).json()["data"]
    assert (str(new_owner.id), "owner") == (project["ownerId"], project["myRole"])
    assert (await team.owner.get(team.path)).json()["data"]["myRole"] == "admin"
    assert (await team.owner.delete(team.path)).status_code == 403
    assert (await team.owner.delete(f"{team.path}/members/me")).status_code == 204
    assert (await new_owner.delete(team.path)).status_code == 204


async def test_concurrent_ownership_transfers_leave_one_owner(users: UserFactory) -> None:
    team = await create_project_team(users)
    candidates = [await team.actor("member") for _ in range(6)]

    responses = await asyncio.gather(
        *(team.owner.put(f"{team.path}/members/{candidate.id}", {"role": "owner"}) for candidate in candidates)
    )

    assert {answer.status_code for answer in responses} <= {200, 403, 409}
    members = (await team.owner.get(f"{team.path}/members")).json()["data"]
    owners = [member["userId"] for member in members if member["role"] == "owner"]
    assert owners == [(await team.owner.get(team.path)).json()["data"]["ownerId"]]
    assert next(member["role"] for member in members if member["userId"] == str(team.owner.id)) == "admin"


async def test_a_member_can_be_added_by_email(users: UserFactory) -> None:
    team = await create_project_team(users)
    grace = await users.create("Grace")

    response = await team.owner.post(f"{team.path}/members", {"email": f"  {grace.email.upper()} "})

    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1{team.path}/members/{grace.id}"
    assert (str(grace.id), "member") == (response.json()["data"]["userId"], response.json()["data"]["role"])
    assert (await grace.get(team.path)).json()["data"]["myRole"] == "member"


ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"userId": ABSENT}, "userId"),
        ({}, "userId"),
        ({"userId": ABSENT, "email": "nobody-here@example.com"}, "userId"),
        ({"userId": ABSENT, "role": "owner"}, "role"),
        ({"userId": ABSENT, "role": "god"}, "role"),
        ({"userId": None}, "userId"),
        ({"email": "no address"}, "email"),
        ({"userId": ABSENT, "joinedAt": "2026-01-01T00:00:00Z"}, "joinedAt"),
        ({"userId": ABSENT, "projectId": ABSENT}, "projectId"),
    ],
)
async def test_adding_an_invalid_member_names_the_field(
    users: UserFactory, body: dict[str, object], field: str
) -> None:
    team = await create_project_team(users)

    response = await team.owner.post(f"{team.path}/members", body)

    assert (422, [field]) == (response.status_code, [*response.json()["error"]["details"]])


@pytest.mark.parametrize("key", ["userId", "email"])
async def test_a_user_cannot_be_added_to_a_project_twice(users: UserFactory, key: str) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    body = {key: str(member.id) if key == "userId" else member.email}

    response = await team.owner.post(f"{team.path}/members", body)

    assert response.status_code == 409
    assert response.json()["error"]["details"] == {"userId": "is already a member"}
    assert "Key" not in response.text


async def test_an_absent_member_is_not_found(users: UserFactory) -> None:
    team = await create_project_team(users)
    stranger = await users.create()

    for actor in (team.owner, await team.actor("viewer")):
        assert (await actor.delete(f"{team.path}/members/{stranger.id}")).status_code == 404
        assert (await actor.put(f"{team.path}/members/{stranger.id}", {})).status_code == 404


async def test_adding_by_email_ignores_unicode_composition_and_case(users: UserFactory) -> None:
    team = await create_project_team(users)
    response = await users.client.post(
        "/api/v1/users",
        json={
            "name": "Jürg",
            "email": f"Ju\u0308rg-{team.owner.id}@example.com",
            "password": "a long passphrase 7!",
        },
    )
    assert response.status_code == 201, response.text

    for composed in (f"jürg-{team.owner.id}@example.com", f"JU\u0308RG-{team.owner.id}@example.com"):
        added = await team.owner.post(f"{team.path}/members", {"email": composed})
        assert added.status_code in (201, 409), added.text

"""Who may add, change and remove members: every actor against every sort of member."""

from __future__ import annotations

import asyncio

import pytest

from tests.casts import Cast, Cells, cast, table
from tests.people import People, Person

pytestmark = pytest.mark.anyio

ACTIVE = """
                 list  add_viewer  add_admin  raise  make_admin  hand_over  lower_admin  remove  remove_admin
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
                 list  add_viewer  add_admin  raise  make_admin  hand_over  lower_admin  remove  remove_admin
    outsider      404         404        404    404         404        404          404     404           404
    viewer        200         403        403    403         403        403          403     403           403
    admin         200         403        403    403         403        403          403     403           403
    owner         200         403        403    403         403        403          403     403           403
    system_admin  200         403        403    403         403        403          403     403           403
"""
OWNERS_ROW = """
                 lower  remove
    outsider       404     404
    viewer         403     403
    member         403     403
    admin          403     403
    owner          409     409
    system_admin   409     409
"""


async def verbs(of: Cast, actor: Person, *, archived: bool = False) -> Cells:
    """Return what each verb answers; each has a member of its own to act upon."""
    viewer, raised, other = [await of.actor("viewer") for _ in range(3)]
    admin, second = await of.actor("admin"), await of.actor("admin")
    new, newer = [await of.people.new() for _ in range(2)]
    if archived:
        await of.archive()
    members = f"{of.path}/members"

    async def put(person: Person, role: str) -> int:
        return (await actor.put(f"{members}/{person.id}", {"role": role})).status_code

    async def add(person: Person, role: str) -> int:
        return (await actor.post(members, {"userId": str(person.id), "role": role})).status_code

    return {
        "list": (await actor.get(members)).status_code,
        "add_viewer": await add(new, "viewer"),
        "add_admin": await add(newer, "admin"),
        "raise": await put(raised, "member"),
        "make_admin": await put(other, "admin"),
        "remove": (await actor.delete(f"{members}/{viewer.id}")).status_code,
        "hand_over": await put(raised, "owner"),
        # Whoever handed over is an admin from here on.
        "lower_admin": await put(admin, "member"),
        "remove_admin": (await actor.delete(f"{members}/{second.id}")).status_code,
    }


@pytest.mark.parametrize(("name", "expected"), table(ACTIVE))
async def test_the_members_of_a_project_are_changed_by(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)

    actual = await verbs(of, actor)

    assert expected == actual


@pytest.mark.parametrize(("name", "expected"), table(ARCHIVED))
async def test_the_members_of_an_archived_project_stay(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)

    actual = await verbs(of, actor, archived=True)

    assert expected == actual


@pytest.mark.parametrize(("name", "expected"), table(OWNERS_ROW))
async def test_the_owners_row_stays_whatever_is_tried_by(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)
    row = f"{of.path}/members/{of.owner.id}"

    actual = {
        "lower": (await actor.put(row, {"role": "admin"})).status_code,
        "remove": (await actor.delete(row)).status_code,
    }

    assert expected == actual
    assert "owner" == (await of.owner.get(row)).json()["data"]["role"]


async def test_only_the_owner_touches_admins(people: People) -> None:
    of = await cast(people)
    admin = await of.actor("admin")

    lowered = await of.owner.put(f"{of.path}/members/{admin.id}", {"role": "viewer"})
    raised = await of.owner.put(f"{of.path}/members/{admin.id}", {"role": "admin"})
    removed = await of.owner.delete(f"{of.path}/members/{admin.id}")

    assert (200, 200, 204) == (lowered.status_code, raised.status_code, removed.status_code)


@pytest.mark.parametrize("role", ["viewer", "member", "admin", "assignee"])
@pytest.mark.parametrize("is_archived", [False, True])
async def test_everybody_may_leave_but_the_owner(people: People, role: str, is_archived: bool) -> None:
    of = await cast(people)
    actor = await of.actor(role)
    if is_archived:
        await of.archive()

    left = await actor.delete(f"{of.path}/members/me")

    assert 204 == left.status_code
    assert 404 == (await actor.get(of.path)).status_code


async def test_a_system_admin_leaves_an_archived_project_too(people: People) -> None:
    of = await cast(people)
    admin = await of.actor("system_admin")
    await of.owner.made(f"{of.path}/members", {"userId": str(admin.id)})
    await of.archive()

    left = await admin.delete(f"{of.path}/members/me")

    assert 204 == left.status_code


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
@pytest.mark.parametrize("wish", ["member", "admin", "owner"])
async def test_nobody_raises_themselves(people: People, role: str, wish: str) -> None:
    of = await cast(people)
    actor = await of.actor(role)
    nothing_changes = role == wish

    answer = await actor.put(f"{of.path}/members/me", {"role": wish})

    assert 403 == answer.status_code or nothing_changes
    assert role == (await actor.get(f"{of.path}/members/me")).json()["data"]["role"]


async def test_the_owner_hands_over_and_becomes_an_admin(people: People) -> None:
    of = await cast(people)
    heir = await of.actor("viewer")
    row = f"{of.path}/members/{heir.id}"

    answer = await of.owner.put(row, {"role": "owner"})

    assert (200, "owner") == (answer.status_code, answer.json()["data"]["role"])
    project = (await heir.get(of.path)).json()["data"]
    assert (str(heir.id), "owner") == (project["ownerId"], project["myRole"])
    assert "admin" == (await of.owner.get(of.path)).json()["data"]["myRole"]
    assert 403 == (await of.owner.delete(of.path)).status_code
    assert 204 == (await of.owner.delete(f"{of.path}/members/me")).status_code
    assert 204 == (await heir.delete(of.path)).status_code


async def test_two_hand_overs_at_once_leave_one_owner(people: People) -> None:
    of = await cast(people)
    heirs = [await of.actor("member") for _ in range(6)]

    answers = await asyncio.gather(
        *(of.owner.put(f"{of.path}/members/{one.id}", {"role": "owner"}) for one in heirs)
    )

    assert {answer.status_code for answer in answers} <= {200, 403, 409}
    members = (await of.owner.get(f"{of.path}/members")).json()["data"]
    owners = [one["userId"] for one in members if one["role"] == "owner"]
    assert [(await of.owner.get(of.path)).json()["data"]["ownerId"]] == owners
    assert "admin" == next(one["role"] for one in members if one["userId"] == str(of.owner.id))


async def test_a_member_is_added_by_address(people: People) -> None:
    of = await cast(people)
    grace = await people.new("Grace")

    answer = await of.owner.post(f"{of.path}/members", {"email": f"  {grace.email.upper()} "})

    assert 201 == answer.status_code
    assert f"/api/v1{of.path}/members/{grace.id}" == answer.headers["location"]
    assert (str(grace.id), "member") == (answer.json()["data"]["userId"], answer.json()["data"]["role"])
    assert "member" == (await grace.get(of.path)).json()["data"]["myRole"]


ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody-here@example.com"}, "email"),
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
async def test_a_member_who_cannot_be_added_is_named(
    people: People, body: dict[str, object], field: str
) -> None:
    of = await cast(people)

    answer = await of.owner.post(f"{of.path}/members", body)

    assert (422, [field]) == (answer.status_code, [*answer.json()["error"]["details"]])


@pytest.mark.parametrize("key", ["userId", "email"])
async def test_a_member_is_added_once(people: People, key: str) -> None:
    of = await cast(people)
    member = await of.actor("member")
    body = {key: str(member.id) if key == "userId" else member.email}

    answer = await of.owner.post(f"{of.path}/members", body)

    assert 409 == answer.status_code
    assert {"userId": "is a member already"} == answer.json()["error"]["details"]
    assert "Key" not in answer.text


async def test_an_absent_member_is_not_found(people: People) -> None:
    of = await cast(people)
    stranger = await people.new()

    for actor in (of.owner, await of.actor("viewer")):
        assert 404 == (await actor.delete(f"{of.path}/members/{stranger.id}")).status_code
        assert 404 == (await actor.put(f"{of.path}/members/{stranger.id}", {})).status_code


async def test_an_address_is_found_however_its_letters_are_composed(people: People) -> None:
    of = await cast(people)
    answer = await people.client.post(
        "/api/v1/users",
        json={
            "name": "Jürg",
            "email": f"Ju\u0308rg-{of.owner.id}@example.com",
            "password": "a long passphrase 7!",
        },
    )
    assert answer.status_code == 201, answer.text

    for composed in (f"jürg-{of.owner.id}@example.com", f"JU\u0308RG-{of.owner.id}@example.com"):
        added = await of.owner.post(f"{of.path}/members", {"email": composed})
        assert added.status_code in (201, 409), added.text

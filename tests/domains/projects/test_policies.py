"""Who can read, change and delete projects: the rights table of the contract, over REST."""

from __future__ import annotations

import pytest

from tests.project_team import StatusByVerb, create_project_team, rights_table, without_request_id
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

ACTIVE = """
                 read  update  archive  delete
    anonymous     401     401      401     401
    outsider      404     404      404     404
    removed       404     404      404     404
    viewer        200     403      403     403
    member        200     403      403     403
    admin         200     200      200     403
    owner         200     200      200     204
    system_admin  200     200      200     204
"""
ARCHIVED = """
                 read  update  nothing  both  reopen  delete
    outsider      404     404      404   404     404     404
    viewer        200     403      403   403     403     403
    member        200     403      403   403     403     403
    admin         200     403      200   200     200     403
    owner         200     403      200   200     200     204
    system_admin  200     403      200   200     200     204
"""
ROLES = [
    ("viewer", "viewer"),
    ("member", "member"),
    ("admin", "admin"),
    ("owner", "owner"),
    ("system_admin", None),
]


@pytest.mark.parametrize(("name", "expected"), rights_table(ACTIVE))
async def test_an_active_project_can_be_read_and_changed_by(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    actual = {
        "read": (await actor.get(team.path)).status_code,
        "update": (await actor.put(team.path, {"name": "Changed", "description": "d"})).status_code,
        "archive": (await actor.put(team.path, {"status": "archived"})).status_code,
        "delete": (await actor.delete(team.path)).status_code,
    }

    assert actual == expected
    assert (200 if expected["delete"] != 204 else 404) == (await team.owner.get(team.path)).status_code


@pytest.mark.parametrize(("name", "expected"), rights_table(ARCHIVED))
async def test_only_the_status_of_an_archived_project_can_be_changed(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    async def put(**body: object) -> int:
        await team.archive()
        return (await actor.put(team.path, body)).status_code

    actual = {
        "read": (await actor.get(team.path)).status_code,
        "update": await put(name="Changed"),
        "nothing": await put(name=team.project["name"], status="archived"),
        "both": await put(name="Reopened", status="active"),
        "reopen": await put(status="active"),
        "delete": (await actor.delete(team.path)).status_code,
    }

    assert actual == expected


@pytest.mark.parametrize("name", ["outsider", "removed"])
async def test_a_project_of_others_is_indistinguishable_from_a_missing_one(users: UserFactory, name: str) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)
    absent = "/projects/00000000-0000-4000-8000-000000000000"

    for method, below, body in (
        ("GET", "", None),
        ("GET", "?include=owner,members.user,tasks", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/members", None),
        ("GET", "/tasks?count=exact", None),
        ("POST", "/members", {"userId": str(actor.id)}),
        ("POST", "/members", {"email": "nobody@example.com"}),
        ("POST", "/members", {"email": team.owner.email}),
        ("PUT", f"/members/{team.owner.id}", {"role": "viewer"}),
        ("DELETE", f"/members/{team.owner.id}", None),
        ("DELETE", f"/members/{actor.id}", None),
    ):
        foreign = await actor.request(method, f"{team.path}{below}", json=body)
        missing = await actor.request(method, f"{absent}{below}", json=body)
        assert foreign.status_code == 404, (method, below)
        assert without_request_id(missing) == without_request_id(foreign)


async def test_lists_and_relations_hold_no_projects_of_others(users: UserFactory) -> None:
    team, other = await create_project_team(users), await create_project_team(users)
    member = await team.actor("viewer")

    response = await member.get("/projects?count=exact")

    assert [project["id"] for project in response.json()["data"]] == [team.project["id"]]
    assert response.json()["meta"]["total"] == 1
    embedded = await member.get(f"/users/{other.owner.id}?include=ownedProjects,memberships,assignedTasks")
    embedded_user = embedded.json()["data"]
    assert (
        embedded_user["ownedProjects"],
        embedded_user["memberships"],
        embedded_user["assignedTasks"],
    ) == ([], [], [])


@pytest.mark.parametrize(("name", "expected"), ROLES)
async def test_my_role_is_the_role_of_the_caller(users: UserFactory, name: str, expected: str | None) -> None:
    team = await create_project_team(users)
    actor = await team.actor(name)

    read = (await actor.get(team.path)).json()["data"]["myRole"]
    listed = (await actor.get("/projects?limit=1")).json()["data"][0]["myRole"]

    assert read == expected
    assert listed == expected
    assert team.project["myRole"] == "owner"


async def test_the_response_to_an_update_has_my_role(users: UserFactory) -> None:
    team = await create_project_team(users)
    admin = await team.actor("admin")

    response = await admin.put(team.path, {"name": "Changed"})

    assert response.json()["data"]["myRole"] == "admin"


@pytest.mark.parametrize("field", ["ownerId", "id", "createdAt", "updatedAt", "myRole"])
async def test_read_only_fields_are_rejected(users: UserFactory, field: str) -> None:
    team = await create_project_team(users)
    stranger = await users.create("Stranger")

    changed = await team.owner.put(team.path, {field: str(stranger.id)})
    created = await team.owner.post("/projects", {"name": "x", field: str(stranger.id)})

    assert (422, {field: "is read-only"}) == (changed.status_code, changed.json()["error"]["details"])
    assert (422, {field: "is read-only"}) == (created.status_code, created.json()["error"]["details"])


async def test_deleting_a_project_deletes_its_tasks(users: UserFactory) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    task = await member.create_task(team.project)

    response = await team.owner.delete(team.path)

    assert response.status_code == 204
    assert (await member.get(f"/tasks/{task['id']}")).status_code == 404
    assert (await member.get(team.path)).status_code == 404

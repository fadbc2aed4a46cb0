"""Who may do what with projects: the contract's table, asked over HTTP."""

from __future__ import annotations

import pytest

from tests.casts import Cells, cast, table, without_request
from tests.people import People

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


@pytest.mark.parametrize(("name", "expected"), table(ACTIVE))
async def test_a_project_is_for(people: People, name: str, expected: Cells) -> None:
    of = await cast(people)
    actor = await of.actor(name)

    actual = {
        "read": (await actor.get(of.path)).status_code,
        "update": (await actor.put(of.path, {"name": "Changed", "description": "d"})).status_code,
        "archive": (await actor.put(of.path, {"status": "archived"})).status_code,
        "delete": (await actor.delete(of.path)).status_code,
    }

    assert expected == actual
    assert (200 if expected["delete"] != 204 else 404) == (await of.owner.get(of.path)).status_code


@pytest.mark.parametrize(("name", "expected"), table(ARCHIVED))
async def test_an_archived_project_is_read_only_but_for_its_status(
    people: People, name: str, expected: Cells
) -> None:
    of = await cast(people)
    actor = await of.actor(name)

    async def put(**body: object) -> int:
        await of.archive()
        return (await actor.put(of.path, body)).status_code

    actual = {
        "read": (await actor.get(of.path)).status_code,
        "update": await put(name="Changed"),
        "nothing": await put(name=of.project["name"], status="archived"),
        "both": await put(name="Reopened", status="active"),
        "reopen": await put(status="active"),
        "delete": (await actor.delete(of.path)).status_code,
    }

    assert expected == actual


@pytest.mark.parametrize("name", ["outsider", "removed"])
async def test_a_foreign_project_looks_like_none(people: People, name: str) -> None:
    of = await cast(people)
    actor = await of.actor(name)
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
        ("POST", "/members", {"email": of.owner.email}),
        ("PUT", f"/members/{of.owner.id}", {"role": "viewer"}),
        ("DELETE", f"/members/{of.owner.id}", None),
        ("DELETE", f"/members/{actor.id}", None),
    ):
        foreign = await actor.ask(method, f"{of.path}{below}", json=body)
        none = await actor.ask(method, f"{absent}{below}", json=body)
        assert 404 == foreign.status_code, (method, below)
        assert without_request(none) == without_request(foreign)


async def test_lists_hold_no_foreign_projects(people: People) -> None:
    of, other = await cast(people), await cast(people)
    member = await of.actor("viewer")

    answer = await member.get("/projects?count=exact")

    assert [of.project["id"]] == [one["id"] for one in answer.json()["data"]]
    assert 1 == answer.json()["meta"]["total"]
    embedded = await member.get(f"/users/{other.owner.id}?include=ownedProjects,memberships,assignedTasks")
    shown = embedded.json()["data"]
    assert ([], [], []) == (shown["ownedProjects"], shown["memberships"], shown["assignedTasks"])


@pytest.mark.parametrize(("name", "expected"), ROLES)
async def test_a_project_says_what_the_caller_is(people: People, name: str, expected: str | None) -> None:
    of = await cast(people)
    actor = await of.actor(name)

    read = (await actor.get(of.path)).json()["data"]["myRole"]
    listed = (await actor.get("/projects?limit=1")).json()["data"][0]["myRole"]

    assert expected == read
    assert expected == listed
    assert "owner" == of.project["myRole"]


async def test_an_answer_to_a_change_says_what_the_caller_is(people: People) -> None:
    of = await cast(people)
    admin = await of.actor("admin")

    answer = await admin.put(of.path, {"name": "Changed"})

    assert "admin" == answer.json()["data"]["myRole"]


@pytest.mark.parametrize("field", ["ownerId", "id", "createdAt", "updatedAt", "myRole"])
async def test_nobody_writes_what_the_program_keeps(people: People, field: str) -> None:
    of = await cast(people)
    stranger = await people.new("Stranger")

    changed = await of.owner.put(of.path, {field: str(stranger.id)})
    created = await of.owner.post("/projects", {"name": "x", field: str(stranger.id)})

    assert (422, {field: "is read-only"}) == (changed.status_code, changed.json()["error"]["details"])
    assert (422, {field: "is read-only"}) == (created.status_code, created.json()["error"]["details"])


async def test_deleting_a_project_deletes_what_is_in_it(people: People) -> None:
    of = await cast(people)
    member = await of.actor("member")
    task = await member.task(of.project)

    gone = await of.owner.delete(of.path)

    assert 204 == gone.status_code
    assert 404 == (await member.get(f"/tasks/{task['id']}")).status_code
    assert 404 == (await member.get(of.path)).status_code

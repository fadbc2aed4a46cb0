"""Who may see and change whom: users change only themselves, and addresses are seen by few."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.core.actor import system
from tests.casts import Cells, cast, table, without_request
from tests.people import People, Person

pytestmark = pytest.mark.anyio

USERS = """
                 list  read  posts  update  delete
    anonymous     401   401    401     401     401
    other         200   200    200     403     403
    co_member     200   200    200     403     403
    self          200   200    200     200     204
    system_admin  200   200    200     200     204
"""
PUBLIC = {"id", "email", "name", "avatarUrl", "emailVerified", "createdAt", "updatedAt"}


async def other(people: People, name: str, person: Person) -> Person:
    """Return who stands in that relation to the person."""
    if name == "self":
        return person
    if name == "anonymous":
        return people.nobody()
    if name == "co_member":
        return await people.member(await person.project(), person, "viewer")
    return await people.new(name, is_admin=name == "system_admin")


@pytest.mark.parametrize(("name", "expected"), table(USERS))
async def test_a_user_is_for(people: People, name: str, expected: Cells) -> None:
    person = await people.new("Ada")
    actor = await other(people, name, person)
    item = f"/users/{person.id}"
    projects = (await person.get("/projects")).json()["data"]

    actual = {
        "list": (await actor.get("/users?limit=1")).status_code,
        "read": (await actor.get(item)).status_code,
        "posts": (await actor.get(f"{item}/posts")).status_code,
        "update": (await actor.put(item, {"name": "Changed"})).status_code,
        "delete": (await actor.delete(item)).status_code,
    }

    assert expected == actual
    assert all([(await actor.get(f"/projects/{one['id']}")).status_code == 200 for one in projects])


@pytest.mark.parametrize(
    ("name", "sees"), [("self", True), ("co_member", True), ("system_admin", True), ("other", False)]
)
async def test_an_address_is_seen_by_few(people: People, name: str, sees: bool) -> None:
    person = await people.new("Ada")
    actor = await other(people, name, person)
    post = await person.made("/posts", {"title": "x", "content": ""})
    expected = (person.email, True) if sees else (None, None)

    read = (await actor.get(f"/users/{person.id}")).json()["data"]
    all_users = (await actor.get("/users?limit=100")).json()["data"]
    author = (await actor.get(f"/posts/{post['id']}?include=author")).json()["data"]["author"]

    listed = next(one for one in all_users if one["id"] == str(person.id))
    assert PUBLIC == read.keys()
    assert read == listed == author
    assert expected == (read["email"], read["emailVerified"])


async def test_an_address_is_hidden_again_when_nothing_is_shared_any_more(people: People) -> None:
    of = await cast(people)
    member = await of.actor("member")
    before = (await member.get(f"/users/{of.owner.id}")).json()["data"]["email"]

    await member.delete(f"{of.path}/members/me")

    assert of.owner.email == before
    assert (await member.get(f"/users/{of.owner.id}")).json()["data"]["email"] is None


@pytest.mark.parametrize("question", ["email=x", "sort=email", "emailVerified=true", "q=example.com"])
async def test_nobody_filters_or_sorts_by_address(ada: Person, question: str) -> None:
    answer = await ada.get(f"/users?{question}")

    assert 400 == answer.status_code


async def test_me_is_whoever_asks(ada: Person) -> None:
    me, by_id = await ada.get("/users/me"), await ada.get(f"/users/{ada.id}")

    assert me.json() == by_id.json()
    assert me.headers["etag"] == by_id.headers["etag"]


@pytest.mark.parametrize(
    "field", ["id", "emailVerified", "createdAt", "updatedAt", "password", "role", "appMetadata", "version"]
)
async def test_a_user_cannot_write(ada: Person, field: str) -> None:
    answer = await ada.put("/users/me", {field: "x", "name": "Changed"})

    assert (422, [field]) == (answer.status_code, [*answer.json()["error"]["details"]])
    assert "Ada" == (await ada.get("/users/me")).json()["data"]["name"]


async def test_whose_projects_others_are_in_is_not_deleted(people: People) -> None:
    of = await cast(people, name="Shared")
    member = await of.actor("member")
    await of.owner.project(name="Alone")
    also = await of.owner.project(name="Also shared")
    await people.member(also, of.owner, "viewer")

    answer = await of.owner.delete("/users/me")

    assert 409 == answer.status_code
    assert {"projects": "still have other members: Also shared, Shared"} == answer.json()["error"]["details"]
    assert 200 == (await of.owner.get("/users/me")).status_code
    assert 200 == (await member.get(of.path)).status_code


@pytest.mark.parametrize("by", ["self", "system_admin"])
async def test_cascade_deletes_shared_projects_too(people: People, by: str) -> None:
    of = await cast(people)
    member = await of.actor("member")
    actor = await other(people, by, of.owner)

    refused = await actor.delete(f"/users/{of.owner.id}?cascade=false")
    answer = await actor.delete(f"/users/{of.owner.id}?cascade=true")

    assert (409, 204) == (refused.status_code, answer.status_code)
    assert 404 == (await member.get(of.path)).status_code
    assert 404 == (await member.get(f"/users/{of.owner.id}")).status_code


async def test_a_cascade_is_of_one_request_only(people: People) -> None:
    first, second = await cast(people), await cast(people)
    for of in (first, second):
        await of.actor("member")

    assert 204 == (await first.owner.delete("/users/me?cascade=true")).status_code
    for _ in range(20):  # whichever connection of the pool it gets
        assert 409 == (await second.owner.delete("/users/me")).status_code


async def test_deleting_a_user_deletes_what_they_own_and_unassigns_their_tasks(people: People) -> None:
    of = await cast(people)
    member = await of.actor("member")
    task = await of.owner.task(of.project, assigneeId=str(member.id))
    alone = await member.project()
    post = await member.made("/posts", {"title": "x", "content": ""})

    answer = await member.delete("/users/me")

    assert 204 == answer.status_code
    assert (await of.owner.get(f"/tasks/{task['id']}")).json()["data"]["assigneeId"] is None
    members = (await of.owner.get(f"{of.path}/members")).json()["data"]
    assert [str(of.owner.id)] == [one["userId"] for one in members]
    admin = await people.new(is_admin=True)
    for gone in (f"/projects/{alone['id']}", f"/posts/{post['id']}", f"/users/{member.id}"):
        assert 404 == (await admin.get(gone)).status_code


async def test_a_deleted_user_is_nobody_at_once(people: People) -> None:
    ada = await people.new("Ada")

    await ada.delete("/users/me")

    for method, path, body in (
        ("GET", "/users/me", None),
        ("GET", "/posts", None),
        ("POST", "/projects", {"name": "x"}),
        ("PUT", "/users/me", {"name": "x"}),
        ("DELETE", "/users/me", None),
    ):
        assert 401 == (await ada.ask(method, path, json=body)).status_code


async def set_role(people: People, person: Person, metadata: str) -> None:
    async with people.database.acting(system("auth")).transaction() as transaction:
        await transaction.run(
            "update auth.users set app_metadata = $2, user_metadata = $2 where id = $1", person.id, metadata
        )


async def test_a_system_role_counts_as_the_account_says_now(people: People) -> None:
    of = await cast(people)
    risen, fallen = await people.new("Risen"), await people.new("Fallen", is_admin=True)

    await set_role(people, risen, '{"role": "admin"}')
    await set_role(people, fallen, "{}")

    assert 200 == (await risen.put(of.path, {"name": "By an admin"})).status_code
    assert 404 == (await fallen.put(of.path, {"name": "By nobody much"})).status_code
    assert 201 == (await fallen.post("/posts", {"title": "x", "content": ""})).status_code


async def test_a_role_in_user_metadata_counts_for_nothing(people: People) -> None:
    of = await cast(people)
    person = await people.new()
    async with people.database.acting(system("auth")).transaction() as transaction:
        await transaction.run(
            """update auth.users set user_metadata = '{"role": "admin"}' where id = $1""", person.id
        )

    assert 404 == (await person.get(of.path)).status_code


async def test_a_foreign_id_and_none_are_refused_alike_for_writing(people: People, ada: Person) -> None:
    absent = "/users/00000000-0000-4000-8000-000000000000"
    junk: list[tuple[str, Any]] = [("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)]

    for method, body in junk:
        none = await ada.ask(method, absent, json=body)
        no_uuid = await ada.ask(method, "/users/nobody", json=body)
        assert 404 == none.status_code
        assert without_request(none) == without_request(no_uuid)

"""Who can view and change which user: users change only themselves, few see an email address."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.core.actor import system_actor
from tests.project_team import StatusByVerb, create_project_team, rights_table, without_request_id
from tests.users import ApiUser, UserFactory

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


async def related_user(users: UserFactory, name: str, user: ApiUser) -> ApiUser:
    """Return a user in the relation to another user."""
    if name == "self":
        return user
    if name == "anonymous":
        return users.anonymous()
    if name == "co_member":
        return await users.create_member(await user.create_project(), user, "viewer")
    return await users.create(name, is_admin=name == "system_admin")


@pytest.mark.parametrize(("name", "expected"), rights_table(USERS))
async def test_a_user_can_be_read_and_changed_by(users: UserFactory, name: str, expected: StatusByVerb) -> None:
    subject = await users.create("Ada")
    actor = await related_user(users, name, subject)
    item = f"/users/{subject.id}"
    projects = (await subject.get("/projects")).json()["data"]

    actual = {
        "list": (await actor.get("/users?limit=1")).status_code,
        "read": (await actor.get(item)).status_code,
        "posts": (await actor.get(f"{item}/posts")).status_code,
        "update": (await actor.put(item, {"name": "Changed"})).status_code,
        "delete": (await actor.delete(item)).status_code,
    }

    assert actual == expected
    assert all([(await actor.get(f"/projects/{project['id']}")).status_code == 200 for project in projects])


@pytest.mark.parametrize(
    ("name", "is_visible"), [("self", True), ("co_member", True), ("system_admin", True), ("other", False)]
)
async def test_an_email_is_visible_only_to_co_members_and_admins(
    users: UserFactory, name: str, is_visible: bool
) -> None:
    subject = await users.create("Ada")
    actor = await related_user(users, name, subject)
    post = await subject.create("/posts", {"title": "x", "content": ""})
    expected = (subject.email, True) if is_visible else (None, None)

    read = (await actor.get(f"/users/{subject.id}")).json()["data"]
    all_users = (await actor.get("/users?limit=100")).json()["data"]
    author = (await actor.get(f"/posts/{post['id']}?include=author")).json()["data"]["author"]

    listed = next(candidate for candidate in all_users if candidate["id"] == str(subject.id))
    assert read.keys() == PUBLIC
    assert read == listed == author
    assert expected == (read["email"], read["emailVerified"])


async def test_an_email_is_hidden_again_once_no_project_is_shared(users: UserFactory) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    before = (await member.get(f"/users/{team.owner.id}")).json()["data"]["email"]

    await member.delete(f"{team.path}/members/me")

    assert team.owner.email == before
    assert (await member.get(f"/users/{team.owner.id}")).json()["data"]["email"] is None


@pytest.mark.parametrize("query", ["email=x", "sort=email", "emailVerified=true", "q=example.com"])
async def test_users_cannot_be_filtered_or_sorted_by_email(user: ApiUser, query: str) -> None:
    response = await user.get(f"/users?{query}")

    assert response.status_code == 400


async def test_me_is_an_alias_of_the_own_id(user: ApiUser) -> None:
    me, by_id = await user.get("/users/me"), await user.get(f"/users/{user.id}")

    assert me.json() == by_id.json()
    assert me.headers["etag"] == by_id.headers["etag"]


@pytest.mark.parametrize(
    "field", ["id", "emailVerified", "createdAt", "updatedAt", "password", "role", "appMetadata", "version"]
)
async def test_read_only_fields_of_a_user_are_rejected(user: ApiUser, field: str) -> None:
    response = await user.put("/users/me", {field: "x", "name": "Changed"})

    assert (422, [field]) == (response.status_code, [*response.json()["error"]["details"]])
    assert (await user.get("/users/me")).json()["data"]["name"] == "Ada"


async def test_an_owner_of_shared_projects_cannot_be_deleted(users: UserFactory) -> None:
    team = await create_project_team(users, name="Shared")
    member = await team.actor("member")
    await team.owner.create_project(name="Alone")
    second_shared = await team.owner.create_project(name="Also shared")
    await users.create_member(second_shared, team.owner, "viewer")

    response = await team.owner.delete("/users/me")

    assert response.status_code == 409
    assert response.json()["error"]["details"] == {"projects": "still have other members: Also shared, Shared"}
    assert (await team.owner.get("/users/me")).status_code == 200
    assert (await member.get(team.path)).status_code == 200


@pytest.mark.parametrize("by", ["self", "system_admin"])
async def test_cascade_deletes_shared_projects(users: UserFactory, by: str) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    actor = await related_user(users, by, team.owner)

    refused = await actor.delete(f"/users/{team.owner.id}?cascade=false")
    response = await actor.delete(f"/users/{team.owner.id}?cascade=true")

    assert (refused.status_code, response.status_code) == (409, 204)
    assert (await member.get(team.path)).status_code == 404
    assert (await member.get(f"/users/{team.owner.id}")).status_code == 404


async def test_cascade_applies_to_one_request_only(users: UserFactory) -> None:
    first, second = await create_project_team(users), await create_project_team(users)
    for team in (first, second):
        await team.actor("member")

    assert (await first.owner.delete("/users/me?cascade=true")).status_code == 204
    for _ in range(20):  # on any connection of the pool
        assert (await second.owner.delete("/users/me")).status_code == 409


async def test_deleting_a_user_deletes_what_they_own_and_unassigns_their_tasks(users: UserFactory) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    task = await team.owner.create_task(team.project, assigneeId=str(member.id))
    own_project = await member.create_project()
    post = await member.create("/posts", {"title": "x", "content": ""})

    response = await member.delete("/users/me")

    assert response.status_code == 204
    assert (await team.owner.get(f"/tasks/{task['id']}")).json()["data"]["assigneeId"] is None
    members = (await team.owner.get(f"{team.path}/members")).json()["data"]
    assert [member["userId"] for member in members] == [str(team.owner.id)]
    admin = await users.create(is_admin=True)
    for path in (f"/projects/{own_project['id']}", f"/posts/{post['id']}", f"/users/{member.id}"):
        assert (await admin.get(path)).status_code == 404


async def test_the_token_of_a_deleted_user_is_rejected_at_once(users: UserFactory) -> None:
    ada = await users.create("Ada")

    await ada.delete("/users/me")

    for method, path, body in (
        ("GET", "/users/me", None),
        ("GET", "/posts", None),
        ("POST", "/projects", {"name": "x"}),
        ("PUT", "/users/me", {"name": "x"}),
        ("DELETE", "/users/me", None),
    ):
        assert (await ada.request(method, path, json=body)).status_code == 401


async def set_metadata(users: UserFactory, user: ApiUser, metadata: str) -> None:
    async with users.database.as_actor(system_actor("auth")).transaction() as transaction:
        await transaction.execute(
            "update auth.users set app_metadata = $2, user_metadata = $2 where id = $1", user.id, metadata
        )


async def test_a_changed_system_role_applies_at_once(users: UserFactory) -> None:
    team = await create_project_team(users)
    promoted, demoted = await users.create("Risen"), await users.create("Fallen", is_admin=True)

    await set_metadata(users, promoted, '{"role": "admin"}')
    await set_metadata(users, demoted, "{}")

    assert (await promoted.put(team.path, {"name": "By an admin"})).status_code == 200
    assert (await demoted.put(team.path, {"name": "By a former admin"})).status_code == 404
    assert (await demoted.post("/posts", {"title": "x", "content": ""})).status_code == 201


async def test_a_role_in_user_metadata_grants_nothing(users: UserFactory) -> None:
    team = await create_project_team(users)
    user = await users.create()
    async with users.database.as_actor(system_actor("auth")).transaction() as transaction:
        await transaction.execute(
            """update auth.users set user_metadata = '{"role": "admin"}' where id = $1""", user.id
        )

    assert (await user.get(team.path)).status_code == 404


async def test_a_missing_id_and_a_malformed_id_are_rejected_alike(users: UserFactory, user: ApiUser) -> None:
    absent = "/users/00000000-0000-4000-8000-000000000000"
    requests: list[tuple[str, Any]] = [("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)]

    for method, body in requests:
        missing = await user.request(method, absent, json=body)
        malformed = await user.request(method, "/users/nobody", json=body)
        assert missing.status_code == 404
        assert without_request_id(missing) == without_request_id(malformed)

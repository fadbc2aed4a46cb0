"""What anonymous users see and do: a project of their own, and nothing of anybody else."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest

from monynha.core.actor import system_actor
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def anonymous_user(users: UserFactory) -> ApiUser:
    """Return an anonymous user."""
    return await users.create("Guest", is_anonymous=True)


async def ids(response: Any) -> set[str]:
    assert response.status_code == 200, response.text
    return {item["id"] for item in response.json()["data"]}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def make_permanent(database: Database, anonymous_user: ApiUser, email: str) -> None:
    """Confirm an address of the anonymous user."""
    repository = AccountRepository(database, (ProfileHooks(),))
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        account = await repository.find_by_id(transaction, anonymous_user.id)
        assert account is not None
        now = account.created_at
        await repository.update(transaction, account, email=email, email_confirmed_at=now)


async def test_an_anonymous_user_sees_nobody_but_themselves(
    users: UserFactory, anonymous_user: ApiUser, user: ApiUser
) -> None:
    other_anonymous_user = await users.create("Guest", is_anonymous=True)

    assert await ids(await anonymous_user.get("/users?limit=100")) == {str(anonymous_user.id)}
    assert (await anonymous_user.get("/users/me")).json()["data"]["email"] is None
    for other in (user, other_anonymous_user):
        assert (await anonymous_user.get(f"/users/{other.id}")).status_code == 404
        assert (await anonymous_user.get(f"/users/{other.id}/posts")).status_code == 404


async def test_nobody_but_admins_sees_an_anonymous_user(
    users: UserFactory, anonymous_user: ApiUser, user: ApiUser
) -> None:
    admin = await users.create("Root", is_admin=True)

    assert (await user.get(f"/users/{anonymous_user.id}")).status_code == 404
    assert str(anonymous_user.id) not in await ids(await user.get("/users?limit=100&sort=-createdAt"))
    assert (await admin.get(f"/users/{anonymous_user.id}")).status_code == 200


async def test_an_anonymous_user_works_in_a_project_of_their_own(anonymous_user: ApiUser) -> None:
    project = await anonymous_user.create_project()
    task = await anonymous_user.create_task(project)

    assert (await anonymous_user.put(f"/tasks/{task['id']}", {"status": "done"})).status_code == 200
    assert await ids(await anonymous_user.get("/projects")) == {project["id"]}
    assert (await anonymous_user.put("/users/me", {"name": "Ada"})).json()["data"]["name"] == "Ada"
    assert (await anonymous_user.delete(f"/projects/{project['id']}")).status_code == 204


async def test_an_anonymous_user_sees_no_project_of_others_and_none_of_its_members(
    users: UserFactory, anonymous_user: ApiUser
) -> None:
    team = await create_project_team(users)
    project = f"/projects/{team.project['id']}"

    assert (await anonymous_user.get("/projects")).json()["data"] == []
    for path in (project, f"{project}/members", f"{project}/tasks", f"{project}/activity"):
        assert (await anonymous_user.get(path)).status_code == 404
    included = (await anonymous_user.get("/users/me?include=memberships.project,ownedProjects")).json()["data"]
    assert (included["memberships"], included["ownedProjects"]) == ([], [])


async def test_an_anonymous_user_is_added_to_no_project(
    users: UserFactory, anonymous_user: ApiUser, user: ApiUser
) -> None:
    project = await user.create_project()
    body = {"userId": str(anonymous_user.id), "role": "viewer"}
    unknown = {"userId": "00000000-0000-4000-8000-000000000000", "role": "viewer"}

    answers = [await user.post(f"/projects/{project['id']}/members", given) for given in (body, unknown)]

    # The same as for an id that does not exist.
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["error"]["details"] == answers[1].json()["error"]["details"]
    assert len((await user.get(f"/projects/{project['id']}/members")).json()["data"]) == 1
    task = await user.create_task(project)
    assert (await user.put(f"/tasks/{task['id']}", {"assigneeId": str(anonymous_user.id)})).status_code == 422


async def test_an_anonymous_user_adds_nobody_to_their_project(anonymous_user: ApiUser, user: ApiUser) -> None:
    project = await anonymous_user.create_project()

    by_id = await anonymous_user.post(f"/projects/{project['id']}/members", {"userId": str(user.id), "role": "viewer"})
    by_email = await anonymous_user.post(f"/projects/{project['id']}/members", {"email": user.email, "role": "viewer"})

    assert by_id.status_code in (403, 422)
    assert by_email.status_code in (403, 422)
    assert len((await anonymous_user.get(f"/projects/{project['id']}/members")).json()["data"]) == 1
    assert (await user.get("/projects")).json()["data"] == []


async def test_an_anonymous_user_has_no_mail_sent_to_others(anonymous_user: ApiUser, owner_sql: OwnerSql) -> None:
    project = await anonymous_user.create_project()
    email = f"stranger-{anonymous_user.id.hex[:12]}@example.com"
    path = f"/projects/{project['id']}"

    invited = await anonymous_user.post(f"{path}/invitations", {"email": email, "role": "viewer"})
    added = await anonymous_user.post(f"{path}/members", {"email": email, "role": "viewer"})

    assert (invited.status_code, added.status_code) == (403, 403)
    assert await owner_sql("select from monynha.jobs where payload ->> 'to' = $1", email) == []


async def test_an_anonymous_user_neither_reads_nor_writes_posts(anonymous_user: ApiUser, user: ApiUser) -> None:
    post = await user.create("/posts", {"title": "Hello", "content": ""})

    assert (await anonymous_user.get("/posts")).json()["data"] == []
    assert (await anonymous_user.get(f"/posts/{post['id']}")).status_code == 404
    assert (await anonymous_user.post("/posts", {"title": "Spam", "content": ""})).status_code == 403


async def test_an_anonymous_user_uploads_nothing(anonymous_user: ApiUser) -> None:
    project = await anonymous_user.create_project()
    name = f"{project['id']}/{anonymous_user.id}/a.txt"

    as_file = await anonymous_user.request(
        "POST", f"/projects/{project['id']}/files", files={"file": ("a.txt", b"text", "text/plain")}
    )
    as_object = await anonymous_user.client.post(
        f"/storage/v1/object/project-files/{name}",
        content=b"text",
        headers={"authorization": f"Bearer {anonymous_user.token}", "content-type": "text/plain"},
    )
    resumable = await anonymous_user.client.post(
        "/storage/v1/upload/resumable",
        headers={
            "authorization": f"Bearer {anonymous_user.token}",
            "tus-resumable": "1.0.0",
            "upload-length": "4",
            "upload-metadata": f"bucketName {_base64('project-files')},objectName {_base64(name)}",
        },
    )

    assert as_file.status_code == 403, as_file.text
    assert as_object.status_code in (400, 403), as_object.text
    assert resumable.status_code in (400, 403), resumable.text
    assert (await anonymous_user.get(f"/projects/{project['id']}/files")).json()["data"] == []


async def test_the_same_holds_in_graphql(anonymous_user: ApiUser, user: ApiUser) -> None:
    await user.create("/posts", {"title": "Hello", "content": ""})
    query = "{ users(limit: 100) { id } posts(limit: 100) { id } projects { id } }"

    response = await anonymous_user.client.post(
        "/graphql", json={"query": query}, headers={"authorization": f"Bearer {anonymous_user.token}"}
    )

    assert response.json()["data"] == {"users": [{"id": str(anonymous_user.id)}], "posts": [], "projects": []}


async def test_an_anonymous_user_who_becomes_permanent_keeps_the_project_and_gets_the_rights_at_once(
    users: UserFactory, anonymous_user: ApiUser, user: ApiUser, database: Database
) -> None:
    project = await anonymous_user.create_project()

    await make_permanent(database, anonymous_user, f"upgraded-{anonymous_user.id.hex[:12]}@example.com")

    # With the token of before: the row decides, not the claim.
    assert '"is_anonymous":true' in anonymous_user.actor.claims
    assert await ids(await anonymous_user.get("/projects")) == {project["id"]}
    assert (await anonymous_user.get(f"/users/{user.id}")).status_code == 200
    assert (await user.get(f"/users/{anonymous_user.id}")).status_code == 200
    member = {"userId": str(user.id), "role": "viewer"}
    assert (await anonymous_user.post(f"/projects/{project['id']}/members", member)).status_code == 201
    assert (await anonymous_user.post("/posts", {"title": "Hello", "content": ""})).status_code == 201


async def test_a_claim_that_hides_it_gives_no_rights(
    users: UserFactory, anonymous_user: ApiUser, user: ApiUser
) -> None:
    claims = {"sub": str(anonymous_user.id), "role": "authenticated", "is_anonymous": False}
    actor = replace(anonymous_user.actor, claims=orjson.dumps(claims).decode())
    rows = await users.database.as_actor(actor).fetch_json(
        "select case when auth.set_actor($1::text, $2::uuid, $3::uuid) then (select json_agg(id) from public.users)"
        " else 'false'::json end",
        (),
    )

    assert rows == orjson.dumps([str(anonymous_user.id)])

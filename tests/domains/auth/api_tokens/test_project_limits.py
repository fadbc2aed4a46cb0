"""A token that is limited to a project reaches nothing else, whichever way it is used."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.domains.auth.api_tokens.token_users import with_api_token, with_limited_token
from tests.domains.files.file_client import upload
from tests.phoenix_client import phoenix_client
from tests.protocols.graphql.clients import TASK_CHANGED, ws_client
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


@dataclass(frozen=True)
class Scene:
    """A user with two projects, and a token of theirs that is limited to the first."""

    users: UserFactory
    owner: ApiUser
    inside: dict[str, Any]
    outside: dict[str, Any]
    member: ApiUser
    stranger: ApiUser
    token_user: ApiUser


@pytest.fixture(params=["API token", "access token"])
async def scene(users: UserFactory, request: pytest.FixtureRequest) -> Scene:
    owner, stranger = await users.create("Owner"), await users.create("Stranger")
    inside, outside = await owner.create_project(name="Inside"), await owner.create_project(name="Outside")
    member = await users.create_member(inside, owner, "member")
    await owner.create(f"/projects/{outside['id']}/members", {"userId": str(stranger.id)})
    if request.param == "API token":
        token_user = await with_api_token(owner, "admin", project=inside)
    else:
        token_user = await with_limited_token(users.database, users.tokens, owner, ["admin"], inside)
    return Scene(users, owner, inside, outside, member, stranger, token_user)


async def test_rest_shows_the_project_alone(scene: Scene) -> None:
    owner, token_user = scene.owner, scene.token_user
    task = await owner.create_task(scene.inside, assigneeId=str(scene.member.id))
    hidden_task = await owner.create_task(scene.outside, assigneeId=str(owner.id))
    file, hidden_file = await upload(owner, scene.inside), await upload(owner, scene.outside)
    post = await owner.create("/posts", {"title": "A post", "content": ""})

    async def ids(path: str) -> list[str]:
        return [row["id"] for row in (await token_user.get(path)).json()["data"]]

    assert await ids("/projects") == [scene.inside["id"]]
    assert await ids("/tasks") == [task["id"]]
    assert await ids("/files") == [file["id"]]
    assert await ids("/posts") == []
    assert await ids("/notifications") == []
    assert {*await ids("/users?limit=100")} == {str(owner.id), str(scene.member.id)}
    assert {row["projectId"] for row in (await token_user.get("/activity")).json()["data"]} == {scene.inside["id"]}
    for path in (
        f"/projects/{scene.outside['id']}",
        f"/projects/{scene.outside['id']}/tasks",
        f"/projects/{scene.outside['id']}/members",
        f"/projects/{scene.outside['id']}/events",
        f"/tasks/{hidden_task['id']}",
        f"/files/{hidden_file['id']}",
        f"/files/{hidden_file['id']}/content",
        f"/posts/{post['id']}",
        f"/users/{scene.stranger.id}",
    ):
        assert (await token_user.get(path)).status_code == 404, path
    included = (await token_user.get("/users/me?include=ownedProjects,memberships.project,posts,assignedTasks")).json()
    data = included["data"]
    assert [project["id"] for project in data["ownedProjects"]] == [scene.inside["id"]]
    assert [membership["projectId"] for membership in data["memberships"]] == [scene.inside["id"]]
    assert data["posts"] == data["assignedTasks"] == []


async def test_rest_changes_the_project_alone(scene: Scene) -> None:
    owner, token_user = scene.owner, scene.token_user
    hidden_task = await owner.create_task(scene.outside)
    post = await owner.create("/posts", {"title": "A post", "content": ""})

    await token_user.create_task(scene.inside)
    for method, path, body, status in [
        ("POST", "/projects", {"name": "New"}, 403),
        ("POST", "/posts", {"title": "New", "content": ""}, 403),
        ("PUT", f"/posts/{post['id']}", {"title": "New"}, 404),
        ("DELETE", f"/posts/{post['id']}", None, 404),
        ("PATCH", f"/projects/{scene.outside['id']}", {"name": "New"}, 404),
        ("DELETE", f"/projects/{scene.outside['id']}", None, 404),
        ("POST", f"/projects/{scene.outside['id']}/tasks", {"title": "New"}, 404),
        ("PATCH", f"/tasks/{hidden_task['id']}", {"title": "New"}, 404),
        ("DELETE", f"/tasks/{hidden_task['id']}", None, 404),
        ("POST", f"/projects/{scene.outside['id']}/members", {"userId": str(scene.member.id)}, 404),
        ("DELETE", f"/projects/{scene.outside['id']}/members/{scene.stranger.id}", None, 404),
        ("DELETE", f"/projects/{scene.outside['id']}/members/{owner.id}", None, 404),
        ("PATCH", "/users/me", {"name": "New"}, 403),
        ("PATCH", "/users/me", {"email": "new@example.com"}, 403),
        ("DELETE", "/users/me", None, 403),
    ]:
        response = await token_user.request(method, path, json=body)
        assert response.status_code == status, (method, path, response.text)
    assert (await token_user.post("/notifications/read-all", None)).json()["data"] == {"updated": 0}
    members = f"/projects/{scene.inside['id']}/members"
    assert (await token_user.put(f"{members}/{scene.member.id}", {"role": "viewer"})).status_code == 200
    assert (await token_user.delete(f"/projects/{scene.inside['id']}")).status_code == 204


async def test_graphql_shows_and_changes_the_project_alone(scene: Scene) -> None:
    hidden_task = await scene.owner.create_task(scene.outside)
    await scene.owner.create("/posts", {"title": "A post", "content": ""})
    document = """
      query ($outside: ID!, $task: ID!, $me: ID!) {
        projects { id } project(id: $outside) { id } task(id: $task) { id } posts { id } notifications { id }
        user(id: $me) { posts { id } projects { id } ownedProjects { id } }
      }
    """
    variables = {"outside": scene.outside["id"], "task": hidden_task["id"], "me": str(scene.owner.id)}
    data = await fetch_data(scene.token_user, document, **variables)

    inside = [{"id": scene.inside["id"]}]
    assert data == {
        "projects": inside,
        "project": None,
        "task": None,
        "posts": [],
        "notifications": [],
        "user": {"posts": [], "projects": inside, "ownedProjects": inside},
    }
    for mutation in (
        'mutation { createProject(input: {name: "New"}) { id } }',
        'mutation { createPost(input: {title: "New", content: ""}) { id } }',
        f'mutation {{ updateTask(id: "{hidden_task["id"]}", input: {{title: "New"}}) {{ id }} }}',
        f'mutation {{ deleteUser(id: "{scene.owner.id}") }}',
    ):
        assert await error_codes(scene.token_user, mutation), mutation


async def test_sockets_join_the_project_alone(scene: Scene, address: str) -> None:
    async with connect(f"ws://{address}/ws?token={scene.token_user.token}") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps({"type": "join", "projectId": scene.outside["id"]}))
        assert json.loads(await socket.recv())["code"] == "NOT_FOUND"
        await socket.send(json.dumps({"type": "join", "projectId": scene.inside["id"]}))
        assert json.loads(await socket.recv())["type"] == "joined"
        hidden = await scene.owner.create_task(scene.outside)
        body = {"type": "task_update", "taskId": hidden["id"], "data": {"title": "New"}}
        await socket.send(json.dumps(body))
        assert json.loads(await socket.recv())["code"] == "NOT_FOUND"
        task = await scene.owner.create_task(scene.inside)
        while (message := json.loads(await socket.recv())).get("taskId") != task["id"]:
            assert hidden["id"] not in json.dumps(message)


async def test_subscriptions_show_the_project_alone(scene: Scene, address: str) -> None:
    async with ws_client(address, scene.token_user) as socket:
        await socket.start_subscription(TASK_CHANGED, {"id": scene.outside["id"]})
        assert await socket.next_error_codes() == ["NOT_FOUND"]
        await socket.start_subscription("subscription { notificationAdded { id } }")
        assert await socket.next_error_codes() == ["NOT_FOUND"]


async def test_channels_show_the_project_alone(scene: Scene, address: str, settings: Settings) -> None:
    anon_key = make_key("anon", settings.jwt_secret)
    bindings = [
        {"event": "*", "schema": "public", "table": table}
        for table in ("tasks", "notifications", "posts", "projects", "project_members")
    ]
    async with phoenix_client(address, anon_key) as channel:
        joined = await channel.join("all", scene.token_user.token, *bindings)
        assert joined["status"] == "ok"
        await scene.owner.create("/posts", {"title": "A post", "content": ""})
        await scene.stranger.create("/posts", {"title": "A post", "content": ""})
        hidden = await scene.owner.create_task(scene.outside)
        other = await scene.stranger.create_project()
        await scene.stranger.create(f"/projects/{other['id']}/members", {"userId": str(scene.owner.id)})
        task = await scene.owner.create_task(scene.inside)
        change = await channel.receive_change()
        assert (change["table"], change["record"]["id"]) == ("tasks", task["id"])
        assert hidden["id"] not in json.dumps(change)
    async with phoenix_client(address, anon_key) as channel:
        for topic in (f"project-{scene.outside['id']}", f"user-{scene.owner.id}"):
            refused = await channel.join(topic, scene.token_user.token, private=True)
            assert refused["status"] == "error", topic


async def test_storage_shows_the_project_alone(scene: Scene, client: httpx.AsyncClient, owner_sql: OwnerSql) -> None:
    owner, headers = scene.owner, {"authorization": f"Bearer {scene.token_user.token}"}
    file, hidden = await upload(owner, scene.inside), await upload(owner, scene.outside)
    paths = (f"project-files/{file['path']}", f"project-files/{hidden['path']}")

    for path, status in zip(paths, (200, 400), strict=True):
        response = await client.get(f"/storage/v1/object/authenticated/{path}", headers=headers)
        assert response.status_code == status, response.text
        signed = await client.post(f"/storage/v1/object/sign/{path}", json={"expiresIn": 60}, headers=headers)
        assert signed.status_code == status
    foreign_path = f"project-files/{scene.outside['id']}/{owner.id}/new.txt"
    refused = await client.post(f"/storage/v1/object/{foreign_path}", content=b"x", headers=headers)
    assert refused.status_code in (400, 403)
    refused = await client.post(f"/storage/v1/object/upload/sign/{foreign_path}", headers=headers)
    assert refused.status_code in (400, 403)
    # An operator's own policy does not open their other objects to the token.
    await owner_sql(
        """create policy "custom: everybody who signed in reads avatars" on storage.objects for select to monynha_app
          using (bucket_id = 'file-originals' and (select auth.uid()) is not null)"""
    )
    try:
        sql = """insert into storage.objects (bucket_id, name, metadata, version) values
          ('file-originals', $1, '{"size": 1}', $1) returning name"""
        name = uuid4().hex
        await owner_sql(sql, name)
        listed = [
            (await client.post("/storage/v1/object/list/file-originals", json={"prefix": ""}, headers=h)).json()
            for h in (headers, {"authorization": f"Bearer {owner.token}"})
        ]
        assert name not in json.dumps(listed[0])
        assert name in json.dumps(listed[1])
    finally:
        await owner_sql('drop policy "custom: everybody who signed in reads avatars" on storage.objects')


async def test_a_link_that_a_limited_token_signed_is_as_limited(
    users: UserFactory, client: httpx.AsyncClient, owner_sql: OwnerSql
) -> None:
    owner = await users.create()
    project = await owner.create_project()
    file = await upload(owner, project)
    path = f"project-files/{file['path']}"
    reader, writer = await with_api_token(owner, "read"), await with_api_token(owner, "write", project=project)

    signed = await client.post(
        f"/storage/v1/object/sign/{path}", json={"expiresIn": 60}, headers={"authorization": f"Bearer {reader.token}"}
    )
    url = f"/storage/v1{signed.json()['signedURL']}"
    assert (await client.get(url)).status_code == 200
    new_path = f"project-files/{project['id']}/{owner.id}/new.txt"
    refused = await client.post(
        f"/storage/v1/object/upload/sign/{new_path}", headers={"authorization": f"Bearer {reader.token}"}
    )
    assert refused.status_code in (400, 403), refused.text
    signed = await client.post(
        f"/storage/v1/object/upload/sign/{new_path}", headers={"authorization": f"Bearer {writer.token}"}
    )
    upload_url = f"/storage/v1{signed.json()['url']}"
    assert (await client.put(upload_url, content=b"x")).status_code == 200

    await owner_sql("delete from public.api_tokens where user_id = $1", owner.id)
    assert (await client.get(url)).status_code != 200
    assert (await client.put(upload_url, content=b"x", headers={"x-upsert": "true"})).status_code != 200


async def test_a_removed_member_has_nothing_left(scene: Scene) -> None:
    member = await with_api_token(scene.member, "read", project=scene.inside)
    assert (await member.get(f"/projects/{scene.inside['id']}")).status_code == 200
    await scene.owner.delete(f"/projects/{scene.inside['id']}/members/{scene.member.id}")
    assert (await member.get(f"/projects/{scene.inside['id']}")).status_code == 404


async def test_a_token_of_a_system_admin_is_limited_too(users: UserFactory) -> None:
    admin = await users.create(is_admin=True)
    inside, outside = await admin.create_project(), await admin.create_project()
    token_user = await with_api_token(admin, "admin", project=inside)
    assert (await token_user.get(f"/projects/{inside['id']}")).status_code == 200
    assert (await token_user.get(f"/projects/{outside['id']}")).status_code == 404
    assert (await token_user.get("/admin/jobs")).status_code == 403


async def test_a_socket_does_not_change_to_a_token_with_other_limits(scene: Scene, address: str) -> None:
    async with connect(f"ws://{address}/ws?token={scene.owner.token}") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps({"type": "auth", "token": scene.token_user.token}))
        await socket.wait_closed()
        assert socket.close_code == 4401
    other = replace(scene.token_user, token=(await with_api_token(scene.owner, "admin")).token)
    async with connect(f"ws://{address}/ws?token={other.token}") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps({"type": "auth", "token": scene.token_user.token}))
        await socket.wait_closed()
        assert socket.close_code == 4401

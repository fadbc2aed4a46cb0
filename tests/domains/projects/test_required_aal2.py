"""A project that requires aal2: members without a second factor are told so, by every protocol, and see nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.conditions import TIMEOUT_S
from tests.domains.files.file_client import send_file, upload, upload_by_wire
from tests.live_server import OwnerSql
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.protocols.graphql.requests import error_codes, execute, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
REFUSED = (403, "INSUFFICIENT_AAL")


@dataclass(frozen=True)
class StrictProject:
    """A project that requires aal2, and its owner and a member in both levels of their sessions."""

    project: dict[str, Any]
    task: dict[str, Any]
    file: dict[str, Any]
    owner: ApiUser
    weak: ApiUser
    strong: ApiUser
    outsider: ApiUser

    @property
    def path(self) -> str:
        return f"/projects/{self.project['id']}"


@pytest.fixture
async def strict(users: UserFactory) -> StrictProject:
    owner = await users.with_aal2(await users.create("Owner"))
    project = await owner.create_project()
    weak = await users.create_member(project, owner, "admin", "Weak")
    task = await owner.create_task(project, title="Secret plans", assigneeId=str(weak.id))
    file = await upload(owner, project, b"secret")
    response = await owner.request("PATCH", f"/projects/{project['id']}", json={"requiresAal2": True})
    assert response.status_code == 200, response.text
    other_session = await users.create("Outsider")
    return StrictProject(response.json()["data"], task, file, owner, weak, await users.with_aal2(weak), other_session)


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def requests_of(strict: StrictProject) -> list[tuple[str, str, Any]]:
    task, file, path = f"/tasks/{strict.task['id']}", f"/files/{strict.file['id']}", strict.path
    return [
        ("GET", path, None),
        ("PATCH", path, {"name": "Mine"}),
        ("DELETE", path, None),
        ("GET", f"{path}/tasks", None),
        ("POST", f"{path}/tasks", {"title": "New"}),
        ("GET", f"{path}/members", None),
        ("POST", f"{path}/members", {"userId": str(strict.outsider.id)}),
        ("DELETE", f"{path}/members/{strict.weak.id}", None),
        ("GET", f"{path}/files", None),
        ("GET", f"{path}/activity", None),
        ("GET", f"{path}/events", None),
        ("GET", task, None),
        ("PATCH", task, {"title": "Changed"}),
        ("DELETE", task, None),
        ("GET", file, None),
        ("GET", f"{file}/content", None),
        ("DELETE", file, None),
    ]


async def test_rest_tells_a_member_to_confirm_a_second_factor(strict: StrictProject) -> None:
    results = {}
    for method, path, body in requests_of(strict):
        response = await strict.weak.request(method, path, json=body)
        results[method, path] = error_of(response)
    uploaded = await send_file(strict.weak, strict.project)

    assert results == dict.fromkeys(results, REFUSED)
    assert error_of(uploaded) == REFUSED
    untouched = (await strict.owner.get(f"/tasks/{strict.task['id']}")).json()["data"]
    assert untouched["title"] == "Secret plans"


async def test_an_outsider_learns_nothing_of_the_requirement(strict: StrictProject) -> None:
    for method, path, body in requests_of(strict):
        response = await strict.outsider.request(method, path, json=body)
        assert error_of(response) == (404, "NOT_FOUND"), (method, path)


async def test_a_member_with_a_second_factor_works_as_usual(strict: StrictProject) -> None:
    assert (await strict.strong.get(strict.path)).json()["data"]["requiresAal2"] is True
    assert (await strict.strong.get(f"{strict.path}/tasks")).json()["data"][0]["id"] == strict.task["id"]
    changed = await strict.strong.request("PATCH", f"/tasks/{strict.task['id']}", json={"title": "Changed"})
    assert changed.status_code == 200
    assert (await send_file(strict.strong, strict.project)).status_code == 201


async def test_lists_leave_out_what_is_withheld(strict: StrictProject) -> None:
    own = await strict.weak.create_project()

    projects = (await strict.weak.get("/projects")).json()["data"]
    counted = (await strict.weak.get("/projects?count=exact")).json()["meta"]["total"]
    assigned = (await strict.weak.get("/tasks?assigneeId=me")).json()["data"]
    notifications = (await strict.weak.get("/notifications")).json()["data"]
    strong_notifications = (await strict.strong.get("/notifications")).json()["data"]

    assert [project["id"] for project in projects] == [own["id"]]
    assert counted == 1
    assert assigned == []
    assert notifications == []
    assert {notification["type"] for notification in strong_notifications} == {"added", "assigned"}


async def test_graphql_names_the_error(strict: StrictProject) -> None:
    project_id, task_id = strict.project["id"], strict.task["id"]
    query = "query ($id: ID!, $task: ID!) { project(id: $id) { id } task(id: $task) { title } }"
    update = 'mutation ($id: ID!) { updateTask(id: $id, input: {title: "Changed"}) { id } }'
    create = 'mutation ($id: ID!) { createTask(projectId: $id, input: {title: "New"}) { id } }'
    delete = "mutation ($id: ID!) { deleteProject(id: $id) }"
    nested = "{ projects { id tasks { title } } tasksPage: __typename }"

    codes = [
        await error_codes(strict.weak, query, id=project_id, task=task_id),
        await error_codes(strict.weak, update, id=task_id),
        await error_codes(strict.weak, create, id=project_id),
        await error_codes(strict.weak, delete, id=project_id),
    ]
    hidden = await fetch_data(strict.weak, nested)
    outsider = await execute(strict.outsider, query, {"id": project_id, "task": task_id})
    strong = await fetch_data(strict.strong, query, id=project_id, task=task_id)

    assert codes == [["INSUFFICIENT_AAL"] * 2, *[["INSUFFICIENT_AAL"]] * 3]
    assert hidden["projects"] == []
    assert outsider.json() == {"data": {"project": None, "task": None}}
    assert strong["task"]["title"] == "Secret plans"


async def test_sockets_refuse_to_join(strict: StrictProject, address: str, settings: Settings) -> None:
    project_id = strict.project["id"]
    async with connect(f"ws://{address}/ws") as socket:
        await socket.send(json.dumps({"type": "auth", "token": strict.weak.token}))
        await socket.recv()
        await socket.send(json.dumps({"type": "join", "projectId": project_id}))
        refused = json.loads(await socket.recv())
    async with phoenix_client(address, make_key("anon", settings.jwt_secret)) as channel:
        joined = await channel.join(f"project-{project_id}", strict.weak.token, tasks_binding(), private=True)

    assert (refused["type"], refused["code"]) == ("error", "INSUFFICIENT_AAL")
    assert joined["status"] == "error"


async def test_storage_refuses_objects(strict: StrictProject) -> None:
    path = f"/storage/v1/object/project-files/{strict.file['path']}"
    headers = {"authorization": f"Bearer {strict.weak.token}"}
    client = strict.weak.client

    responses = [
        await client.get(path, headers=headers),
        await client.delete(path, headers=headers),
        await client.post(
            f"/storage/v1/object/sign/project-files/{strict.file['path']}", json={"expiresIn": 60}, headers=headers
        ),
        await upload_by_wire(strict.weak, f"{strict.project['id']}/{strict.weak.id}/new.txt"),
    ]
    listed = await client.post(
        "/storage/v1/object/list/project-files", json={"prefix": strict.project["id"]}, headers=headers
    )
    strong = await client.get(path, headers={"authorization": f"Bearer {strict.strong.token}"})

    for response in responses:
        assert response.status_code == 403, response.text
        assert "second factor" in response.json()["message"]
    assert listed.json() == []
    assert strong.content == b"secret"


async def test_a_token_that_claims_more_than_its_session_has_does_not_pass(
    strict: StrictProject, owner_sql: OwnerSql
) -> None:
    assert (await strict.strong.get(strict.path)).status_code == 200

    await owner_sql("update auth.sessions set aal = 'aal1' where id = $1", strict.strong.session_id)

    assert error_of(await strict.strong.get(strict.path)) == REFUSED


async def test_a_token_of_before_the_second_factor_does_not_pass(strict: StrictProject) -> None:
    # `weak` is the earlier token of the session that `strong` continues.
    assert strict.weak.session_id == strict.strong.session_id
    assert error_of(await strict.weak.get(strict.path)) == REFUSED


async def test_only_a_manager_with_a_second_factor_turns_the_requirement_on(users: UserFactory) -> None:
    owner = await users.create("Owner")
    project = await owner.create_project()
    member = await users.with_aal2(await users.create_member(project, owner, "member"))
    path = f"/projects/{project['id']}"

    by_weak_owner = await owner.request("PATCH", path, json={"requiresAal2": True})
    by_member = await member.request("PATCH", path, json={"requiresAal2": True})
    created = await owner.post("/projects", {"name": "Strict", "requiresAal2": True})
    strong = await users.with_aal2(owner)
    by_strong_owner = await strong.request("PATCH", path, json={"requiresAal2": True})
    not_boolean = await strong.request("PATCH", path, json={"requiresAal2": "yes"})

    assert by_weak_owner.status_code == by_member.status_code == created.status_code == 403
    assert by_strong_owner.status_code == 200
    assert not_boolean.status_code == 422
    assert not_boolean.json()["error"]["details"] == {"requiresAal2": "must be true or false"}


async def test_a_system_admin_without_a_second_factor_sees_no_strict_project(
    strict: StrictProject, users: UserFactory
) -> None:
    admin = await users.create("Root", is_admin=True)

    weak = await admin.get(strict.path)
    changed = await admin.request("PATCH", f"/tasks/{strict.task['id']}", json={"title": "Changed"})
    strong = await (await users.with_aal2(admin)).get(strict.path)

    assert error_of(weak) == error_of(changed) == REFUSED
    assert strong.status_code == 200


async def test_the_service_key_needs_no_second_factor(strict: StrictProject, settings: Settings) -> None:
    key = make_key("service_role", settings.jwt_secret)

    response = await strict.weak.client.get(f"/api/v1{strict.path}", headers={"authorization": f"Bearer {key}"})

    assert response.status_code == 200


async def test_an_api_token_has_the_level_of_the_session_that_made_it(strict: StrictProject) -> None:
    body = {"name": "Script", "scopes": ["read"]}
    statuses = {}
    for name, user in (("weak", strict.weak), ("strong", strict.strong)):
        created = await user.post("/tokens", body)
        assert created.status_code == 201, created.text
        headers = {"authorization": f"Bearer {created.json()['data']['secret']}"}
        response = await user.client.get(f"/api/v1{strict.path}", headers=headers)
        statuses[name] = response.status_code

    assert statuses == {"weak": 403, "strong": 200}


async def test_what_is_open_ends_when_the_requirement_begins(users: UserFactory, address: str) -> None:
    owner = await users.with_aal2(await users.create("Owner"))
    project = await owner.create_project()
    member = await users.create_member(project, owner, "member")
    async with connect(f"ws://{address}/ws") as socket:
        await socket.send(json.dumps({"type": "auth", "token": member.token}))
        await socket.recv()
        await socket.send(json.dumps({"type": "join", "projectId": project["id"]}))
        assert json.loads(await socket.recv())["type"] == "joined"

        await owner.request("PATCH", f"/projects/{project['id']}", json={"requiresAal2": True})
        async with asyncio.timeout(TIMEOUT_S):
            while (message := json.loads(await socket.recv()))["type"] != "removed":
                pass
        await owner.create_task(project, title="Secret plans")
        received = []
        try:
            async with asyncio.timeout(1.5):
                while True:
                    received.append(json.loads(await socket.recv()))
        except TimeoutError:
            pass

    assert message["projectId"] == project["id"]
    assert received == []


async def test_what_is_open_ends_when_the_session_is_lowered(
    strict: StrictProject, address: str, owner_sql: OwnerSql
) -> None:
    async with connect(f"ws://{address}/ws") as socket:
        await socket.send(json.dumps({"type": "auth", "token": strict.strong.token}))
        await socket.recv()
        await socket.send(json.dumps({"type": "join", "projectId": strict.project["id"]}))
        assert json.loads(await socket.recv())["type"] == "joined"

        await owner_sql("update auth.sessions set aal = 'aal1' where id = $1", strict.strong.session_id)
        async with asyncio.timeout(TIMEOUT_S):
            while json.loads(await socket.recv())["type"] != "removed":
                pass


async def test_below_aal2_nobody_is_invited(strict: StrictProject, users: UserFactory) -> None:
    admin = await users.create(is_admin=True)
    strong_admin = await users.with_aal2(await users.create(is_admin=True))
    path, body = f"{strict.path}/invitations", {"email": strict.outsider.email, "role": "admin"}
    invitation = await strict.owner.create(path, {"email": "somebody@example.com", "role": "viewer"})

    for user in (strict.weak, admin):
        assert error_of(await user.post(path, {**body, "role": "member"})) == REFUSED
    for method, action in (("POST", "/resend"), ("DELETE", "")):
        response = await admin.request(method, f"/invitations/{invitation['id']}{action}")
        assert error_of(response) == REFUSED
    mutation = """mutation ($id: ID!, $input: CreateInvitationInput!) {
      createInvitation(projectId: $id, input: $input) { id }
    }"""
    assert await error_codes(admin, mutation, id=strict.project["id"], input=body) == ["INSUFFICIENT_AAL"]
    assert (await strict.outsider.post(path, body)).status_code == 404
    assert [row["id"] for row in (await strict.owner.get(path)).json()["data"]] == [invitation["id"]]
    assert (await strong_admin.post(path, body)).status_code == 201

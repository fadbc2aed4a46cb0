"""Files are uploaded to projects by a form."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import Application
from monynha.core.settings.settings import Settings
from tests.domains.files.file_client import list_files, send_file, upload
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_an_uploaded_file_has_its_name_size_and_type_and_is_ready(user: ApiUser, project: dict[str, Any]) -> None:
    response = await send_file(user, project, b"a,b\n1,2\n", name="Zahlen für Ada.csv", content_type="text/csv")

    file = response.json()["data"]
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/files/{file['id']}"
    assert re.fullmatch(rf"{project['id']}/{user.id}/[0-9a-f]{{16}}-Zahlen-fur-Ada\.csv", file.pop("path"))
    assert {name: value for name, value in file.items() if name not in ("id", "createdAt", "updatedAt")} == {
        "projectId": project["id"],
        "taskId": None,
        "userId": str(user.id),
        "name": "Zahlen für Ada.csv",
        "contentType": "text/csv",
        "size": 8,
        "width": None,
        "height": None,
        "placeholder": None,
        "status": "ready",
        "error": None,
    }


async def test_a_file_can_belong_to_a_task_and_is_listed_with_it(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    file = await upload(user, project, fields={"taskId": task["id"]})
    await upload(user, project)

    assert file["taskId"] == task["id"]
    assert [entry["id"] for entry in await list_files(user, project, f"?taskId={task['id']}")] == [file["id"]]
    included = (await user.get(f"/tasks/{task['id']}?include=files.user&fields=id,files.name,files.user.name")).json()
    assert included["data"]["files"] == [{"name": "notes.txt", "user": {"name": user.name}}]


async def test_fields_may_follow_the_file(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    body = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext\r\n'
        b'--b\r\ncontent-disposition: form-data; name="taskId"\r\n\r\n' + task["id"].encode() + b"\r\n--b--\r\n"
    )
    response = await user.request(
        "POST",
        f"/projects/{project['id']}/files",
        content=body,
        headers={"content-type": "multipart/form-data; boundary=b"},
    )

    assert (response.status_code, response.json()["data"]["taskId"]) == (201, task["id"])


@pytest.mark.parametrize("kind", ["no uuid", "empty", "unknown", "of another project"])
async def test_the_task_must_be_one_of_the_project(user: ApiUser, project: dict[str, Any], kind: str) -> None:
    other = await user.create_project()
    task_id = {"no uuid": "7", "empty": "", "unknown": str(uuid4())}.get(kind)
    if task_id is None:
        task_id = (await user.create_task(other))["id"]

    response = await send_file(user, project, fields={"taskId": task_id})

    assert response.status_code == 422
    assert response.json()["error"]["details"] == {"taskId": "must be a task of the project"}
    assert await list_files(user, project) == []


async def test_a_deleted_task_leaves_its_files_to_the_project(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    file = await upload(user, project, fields={"taskId": task["id"]})

    await user.delete(f"/tasks/{task['id']}")

    assert (await user.get(f"/files/{file['id']}")).json()["data"]["taskId"] is None


FORM = {"content-type": "multipart/form-data; boundary=b"}
PART = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext\r\n'


@pytest.mark.parametrize(
    ("body", "headers", "status", "details"),
    [
        (b'{"file": "x"}', {"content-type": "application/json"}, 415, None),
        (b"x", {}, 415, None),
        (PART, {"content-type": "multipart/form-data"}, 400, None),
        (b"", FORM, 422, {"file": "is required"}),
        (b"--b--\r\n", FORM, 422, {"file": "is required"}),
        (b"no form at all", FORM, 400, None),
        (PART, FORM, 400, None),
        (PART + PART + b"--b--\r\n", FORM, 422, {"file": "must be given once"}),
        (
            b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\ntext\r\n--b--\r\n',
            FORM,
            422,
            {"file": "must be a file with a name"},
        ),
        (
            b'--b\r\ncontent-disposition: form-data; name="ownerId"\r\n\r\nx\r\n' + PART + b"--b--\r\n",
            FORM,
            422,
            {"ownerId": "is not a field of files"},
        ),
    ],
)
async def test_a_bad_form_is_refused_and_leaves_nothing(
    user: ApiUser, project: dict[str, Any], body: bytes, headers: dict[str, str], status: int, details: object
) -> None:
    response = await user.request("POST", f"/projects/{project['id']}/files", content=body, headers=headers)

    assert response.status_code == status, response.text
    assert response.json()["error"].get("details") == details
    assert await list_files(user, project) == []


@pytest.mark.parametrize("project_id", ["none", "00000000-0000-4000-8000-000000000000"])
async def test_a_project_that_does_not_exist_is_not_found(user: ApiUser, project_id: str) -> None:
    response = await send_file(user, {"id": project_id})

    assert (response.status_code, response.json()["error"]["message"]) == (404, "Project not found.")


async def test_a_program_is_refused_by_its_content(user: ApiUser, project: dict[str, Any]) -> None:
    response = await send_file(user, project, b"MZ\x90\x00" + bytes(60), name="photo.jpg", content_type="image/jpeg")

    assert response.status_code == 415
    assert response.json()["error"]["message"] == "Files of the type application/x-msdownload are not accepted."
    assert await list_files(user, project) == []


async def test_a_large_file_is_received_in_parts(user: ApiUser, project: dict[str, Any]) -> None:
    content = bytes(range(256)) * 20_000

    file = await upload(user, project, content, name="large.bin")

    downloaded = await user.get(f"/files/{file['id']}/content")
    assert (file["size"], downloaded.content) == (len(content), content)


async def test_a_file_that_exceeds_the_limit_is_refused(
    user: ApiUser, project: dict[str, Any], program: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(program.storage.uploads, "max_bytes", 1024 * 1024)
    try:
        response = await send_file(user, project, bytes(1024 * 1024 + 1))
    finally:
        object.__setattr__(program.storage.uploads, "max_bytes", Settings().max_file_mb * 1024 * 1024)

    assert response.status_code == 413
    assert response.json()["error"]["details"] == {"file": "must have at most 1 MB"}
    assert await list_files(user, project) == []


async def test_files_are_sorted_and_searched(user: ApiUser, project: dict[str, Any]) -> None:
    for name, size in (("beta.txt", 30), ("alpha.txt", 10), ("gamma report.txt", 20)):
        await upload(user, project, b"x" * size, name=name)

    by_size = await list_files(user, project, "?sort=size&fields=name")
    by_name = await list_files(user, project, "?sort=name&fields=name&limit=2")
    searched = await list_files(user, project, "?q=report&fields=name")

    assert [file["name"] for file in by_size] == ["alpha.txt", "gamma report.txt", "beta.txt"]
    assert [file["name"] for file in by_name] == ["alpha.txt", "beta.txt"]
    assert searched == [{"name": "gamma report.txt"}]


async def test_files_cannot_be_changed(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)

    response = await user.put(f"/files/{file['id']}", {"name": "other.txt"})

    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")


async def test_the_files_of_a_deleted_account_stay_the_projects(users: UserFactory) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    file = await upload(member, team.project)

    assert (await member.delete("/users/me")).status_code == 204

    kept = (await team.owner.get(f"/files/{file['id']}")).json()["data"]
    assert (kept["userId"], kept["name"]) == (None, "notes.txt")
    assert (await team.owner.get(f"/files/{file['id']}/content")).content == b"plain text"


async def test_the_service_key_uploads_without_a_user(
    client: httpx.AsyncClient, project: dict[str, Any], service_headers: dict[str, str]
) -> None:
    response = await client.post(
        f"/api/v1/projects/{project['id']}/files",
        files={"file": ("a.txt", b"text", "text/plain")},
        headers=service_headers,
    )

    assert (response.status_code, response.json()["data"]["userId"]) == (201, None)

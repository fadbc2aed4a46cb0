"""Uploads are limited, documented, and read and deleted by GraphQL too."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.app.composition.application import Application
from monynha.app.composition.openapi import openapi_document
from monynha.core.settings.setting_types import Limit
from tests.domains.files.file_client import send_file, upload, wait_until_processed
from tests.infra.images.samples import png
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def _graphql(user: ApiUser, query: str, **variables: Any) -> Any:
    headers = {"authorization": f"Bearer {user.token}"}
    response = await user.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    return response.json()


async def test_uploads_are_limited_by_user(
    user: ApiUser, project: dict[str, Any], program: Application, users: UserFactory
) -> None:
    limits = program.rate_limits
    former = limits.upload_per_user
    object.__setattr__(limits, "upload_per_user", Limit(2, 3600))
    try:
        responses = [await send_file(user, project) for _ in range(3)]
        admin = await users.create("Root", is_admin=True)
        by_admin = [(await send_file(admin, project)).status_code for _ in range(3)]
    finally:
        object.__setattr__(limits, "upload_per_user", former)

    assert [response.status_code for response in responses] == [201, 201, 429]
    assert responses[0].headers["ratelimit-remaining"] == "1"
    assert responses[2].json()["error"]["message"] == "Too many file uploads, please try again later"
    assert int(responses[2].headers["retry-after"]) > 0
    assert by_admin == [201, 201, 201]


async def test_graphql_reads_files_with_their_task_and_uploader(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    image = await upload(user, project, png(20, 10), name="a.png", fields={"taskId": task["id"]})
    await wait_until_processed(user, image["id"])
    query = """query($project: ID!, $task: ID!) {
        project(id: $project) { files { id name status width placeholder task { id } user { name } } }
        task(id: $task) { files { name contentType size } }
    }"""

    data = (await _graphql(user, query, project=project["id"], task=task["id"]))["data"]

    [file] = data["project"]["files"]
    assert (file["id"], file["status"], file["width"], file["task"]) == (image["id"], "ready", 20, {"id": task["id"]})
    assert (file["user"], file["placeholder"]["color"]) == ({"name": user.name}, "#c81e5a")
    assert [(entry["name"], entry["contentType"]) for entry in data["task"]["files"]] == [("a.png", "image/jpeg")]


@pytest.mark.parametrize(("name", "code"), [("viewer", "FORBIDDEN"), ("outsider", "NOT_FOUND")])
async def test_graphql_deletes_no_file_for_others(users: UserFactory, name: str, code: str) -> None:
    team = await create_project_team(users)
    file = await upload(team.owner, team.project)

    answer = await _graphql(await team.actor(name), "mutation($id: ID!) { deleteFile(id: $id) }", id=file["id"])

    assert answer["errors"][0]["extensions"]["code"] == code
    assert (await team.owner.get(f"/files/{file['id']}")).status_code == 200


async def test_graphql_deletes_a_file(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)

    answer = await _graphql(user, "mutation($id: ID!) { deleteFile(id: $id) }", id=file["id"])

    assert answer == {"data": {"deleteFile": True}}
    assert (await user.get(f"/files/{file['id']}")).status_code == 404


def test_the_document_describes_the_form_of_an_upload() -> None:
    document: Any = openapi_document()
    upload_operation = document["paths"]["/api/v1/projects/{id}/files"]["post"]

    body = upload_operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    form = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert (form["required"], sorted(form["properties"])) == (["file"], ["file", "taskId"])
    assert {"201", "401", "403", "404", "413", "415", "422", "429"} <= set(upload_operation["responses"])
    assert "Location" in upload_operation["responses"]["201"]["headers"]


def test_the_document_describes_content_thumbnails_and_pictures() -> None:
    paths: Any = openapi_document()["paths"]

    thumbnail = paths["/api/v1/files/{id}/thumbnails/{size}"]["get"]
    content = paths["/api/v1/files/{id}/content"]["get"]
    avatar = paths["/api/v1/avatars/{hash}"]["get"]
    assert [parameter["name"] for parameter in thumbnail["parameters"]] == ["id", "size", "If-None-Match"]
    assert list(content["responses"]["200"]["content"]) == ["*/*"]
    assert {"206", "304", "416"} <= set(content["responses"])
    assert avatar["security"] == []
    assert "401" not in avatar["responses"]
    assert "204" in paths["/api/v1/users/{id}/avatar"]["delete"]["responses"]

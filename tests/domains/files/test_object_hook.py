"""An object of the bucket of files is a file, whichever way it comes; quotas hold for all of them."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import Application
from monynha.domains.files.object_hook import FileObjectHook, Quotas
from tests.domains.files.file_client import list_files, send_file, upload, upload_by_wire, wait_until_processed
from tests.infra.images.samples import png
from tests.live_server import OwnerSql
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@contextmanager
def quotas_of(program: Application, project_bytes: int, user_bytes: int = 10**12) -> Iterator[None]:
    """Lower the quotas of the running program."""
    [hook] = program.storage.objects.hooks
    assert isinstance(hook, FileObjectHook)
    former = hook.quotas
    object.__setattr__(hook, "quotas", Quotas(project_bytes, user_bytes))
    try:
        yield
    finally:
        object.__setattr__(hook, "quotas", former)


async def _by_wire(user: ApiUser, method: str, path: str, json: object) -> httpx.Response:
    headers = {"authorization": f"Bearer {user.token}"}
    return await user.client.request(method, f"/storage/v1/object{path}", json=json, headers=headers)


async def test_an_upload_by_the_wire_is_a_file_like_any_other(user: ApiUser, project: dict[str, Any]) -> None:
    path = f"{project['id']}/{user.id}/folder/dot.png"
    response = await upload_by_wire(user, path, png(9, 6), content_type="application/octet-stream")

    assert response.status_code == 200, response.text
    [file] = await list_files(user, project)
    assert (file["path"], file["name"], file["contentType"]) == (path, "dot.png", "image/png")
    processed = await wait_until_processed(user, file["id"])
    assert (processed["status"], processed["width"], processed["height"]) == ("ready", 9, 6)
    assert file["id"] == response.json()["Id"]


async def test_the_wire_serves_what_rest_has_received(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project, b"by rest")

    response = await user.client.get(
        f"/storage/v1/object/project-files/{file['path']}", headers={"authorization": f"Bearer {user.token}"}
    )

    assert (response.status_code, response.content) == (200, b"by rest")


async def test_a_replaced_object_is_the_same_file_with_new_content(user: ApiUser, project: dict[str, Any]) -> None:
    path = f"{project['id']}/{user.id}/a.bin"
    await upload_by_wire(user, path, png(9, 6))
    [first] = await list_files(user, project)
    await wait_until_processed(user, first["id"])

    response = await upload_by_wire(user, path, b"only text now", headers={"x-upsert": "true"})

    assert response.status_code == 200
    [second] = await list_files(user, project)
    assert (second["id"], second["contentType"], second["size"]) == (first["id"], "text/plain", 13)
    assert (second["status"], second["width"], second["placeholder"]) == ("ready", None, None)
    assert (await user.get(f"/files/{second['id']}/thumbnails/100")).status_code == 404


async def test_a_moved_object_takes_its_file_along(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project, name="before.txt")
    destination = f"{project['id']}/{user.id}/after.txt"
    body = {"bucketId": "project-files", "sourceKey": file["path"], "destinationKey": destination}

    assert (await _by_wire(user, "POST", "/move", body)).status_code == 200

    moved = (await user.get(f"/files/{file['id']}")).json()["data"]
    assert (moved["path"], moved["name"]) == (destination, "after.txt")


async def test_an_object_moved_to_another_project_is_a_file_there_alone(user: ApiUser, project: dict[str, Any]) -> None:
    other = await user.create_project()
    task = await user.create_task(project)
    file = await upload(user, project, fields={"taskId": task["id"]})
    destination = file["path"].replace(project["id"], other["id"])
    body = {"bucketId": "project-files", "sourceKey": file["path"], "destinationKey": destination}

    response = await _by_wire(user, "POST", "/move", body)

    assert response.status_code == 200, response.text
    assert await list_files(user, project) == []
    [moved] = await list_files(user, other)
    assert (moved["id"], moved["path"], moved["taskId"]) == (file["id"], destination, None)
    assert (await user.get(f"/files/{file['id']}/content")).content == b"plain text"


async def test_a_copied_object_is_another_file(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)
    destination = f"{project['id']}/{user.id}/copy.txt"
    body = {"bucketId": "project-files", "sourceKey": file["path"], "destinationKey": destination}

    response = await _by_wire(user, "POST", "/copy", body)

    assert response.status_code == 200, response.text
    paths = {entry["path"] for entry in await list_files(user, project)}
    assert paths == {file["path"], destination}


async def test_a_file_of_a_task_is_copied_into_another_project_without_the_task(
    user: ApiUser, project: dict[str, Any]
) -> None:
    task, other = await user.create_task(project), await user.create_project()
    file = await upload(user, project, name="plan.txt", fields={"taskId": task["id"]})
    destination = f"{other['id']}/{user.id}/copy.txt"
    body = {"bucketId": "project-files", "sourceKey": file["path"], "destinationKey": destination}

    response = await _by_wire(user, "POST", "/copy", body)

    assert response.status_code == 200, response.text
    [copy] = await list_files(user, other)
    assert (copy["path"], copy["name"], copy["taskId"]) == (destination, "plan.txt", None)


async def test_a_file_whose_task_was_deleted_can_be_copied(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    file = await upload(user, project, fields={"taskId": task["id"]})
    await user.delete(f"/tasks/{task['id']}")
    destination = f"{project['id']}/{user.id}/copy.txt"
    body = {"bucketId": "project-files", "sourceKey": file["path"], "destinationKey": destination}

    response = await _by_wire(user, "POST", "/copy", body)

    assert response.status_code == 200, response.text


async def test_a_removed_object_has_no_file(user: ApiUser, project: dict[str, Any]) -> None:
    file = await upload(user, project)

    response = await _by_wire(user, "DELETE", "/project-files", {"prefixes": [file["path"]]})

    assert response.status_code == 200
    assert (await user.get(f"/files/{file['id']}")).status_code == 404


async def test_the_wire_can_name_the_file_and_its_task(user: ApiUser, project: dict[str, Any]) -> None:
    task = await user.create_task(project)
    form = {"metadata": f'{{"name": "Plan \u202edoc.txt", "taskId": "{task["id"]}"}}'}
    headers = {"authorization": f"Bearer {user.token}"}
    path = f"/storage/v1/object/project-files/{project['id']}/{user.id}/x.txt"

    response = await user.client.post(path, data=form, files={"": ("x.txt", b"text", "text/plain")}, headers=headers)

    assert response.status_code == 200, response.text
    [file] = await list_files(user, project)
    assert (file["name"], file["taskId"]) == ("Plan doc.txt", task["id"])


async def test_others_get_no_file_into_a_project_by_the_wire(users: UserFactory) -> None:
    team = await create_project_team(users)
    for name in ("outsider", "viewer", "removed"):
        actor = await team.actor(name)
        response = await upload_by_wire(actor, f"{team.project['id']}/{actor.id}/x.txt")
        assert response.status_code in (400, 403), response.text
    member = await team.actor("member")
    as_owner = await upload_by_wire(member, f"{team.project['id']}/{team.owner.id}/x.txt")

    assert as_owner.status_code in (400, 403)
    assert await list_files(team.owner, team.project) == []


async def test_a_program_is_refused_by_the_wire_too(user: ApiUser, project: dict[str, Any]) -> None:
    response = await upload_by_wire(user, f"{project['id']}/{user.id}/x.png", b"\x7fELF\x02\x01\x01" + bytes(60))

    assert response.status_code >= 400
    assert await list_files(user, project) == []


# Quotas


async def test_a_project_cannot_have_more_bytes_than_its_quota(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    with quotas_of(program, project_bytes=100):
        responses = [await send_file(user, project, b"x" * 60) for _ in range(2)]
        exact = await send_file(user, project, b"x" * 40)

    assert [response.status_code for response in (*responses, exact)] == [201, 413, 201]
    assert responses[1].json()["error"]["message"].startswith("The files of a project may have at most")
    assert sum(file["size"] for file in await list_files(user, project)) == 100


async def test_a_user_cannot_have_more_bytes_than_their_quota_in_all_projects(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    other = await user.create_project()
    with quotas_of(program, project_bytes=10**9, user_bytes=100):
        statuses = [(await send_file(user, target, b"x" * 60)).status_code for target in (project, other)]

    assert statuses == [201, 413]


async def test_racing_uploads_never_exceed_a_quota(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    with quotas_of(program, project_bytes=500):
        rest = [send_file(user, project, b"x" * 100, name=f"{number}.txt") for number in range(8)]
        wire = [upload_by_wire(user, f"{project['id']}/{user.id}/{uuid4()}.txt", b"x" * 100) for _ in range(8)]
        responses = await asyncio.gather(*rest, *wire)

    accepted = [response for response in responses if response.status_code in (200, 201)]
    assert len(accepted) == 5
    assert sum(file["size"] for file in await list_files(user, project)) == 500


async def test_a_deleted_file_makes_room(user: ApiUser, project: dict[str, Any], program: Application) -> None:
    with quotas_of(program, project_bytes=100):
        file = await upload(user, project, b"x" * 100)
        await user.delete(f"/files/{file['id']}")

        assert (await send_file(user, project, b"x" * 100)).status_code == 201


async def test_a_large_body_without_room_is_refused_before_it_is_received(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    with quotas_of(program, project_bytes=100):
        await upload(user, project, b"x" * 100)
        response = await upload_by_wire(user, f"{project['id']}/{user.id}/large.bin", bytes(2_000_000))

    assert response.status_code in (400, 413)


async def test_bytes_are_counted_as_the_files_have_them(
    user: ApiUser, project: dict[str, Any], owner_sql: OwnerSql
) -> None:
    await upload(user, project, b"x" * 10)
    image = await upload(user, project, png(50, 50), name="a.png")
    await wait_until_processed(user, image["id"])
    path = f"{project['id']}/{user.id}/a.txt"
    await upload_by_wire(user, path, b"x" * 30)
    await upload_by_wire(user, path, b"x" * 7, headers={"x-upsert": "true"})

    sizes = sum(file["size"] for file in await list_files(user, project))
    counted = await owner_sql(
        "select (select bytes from monynha.project_file_usage where project_id = $1), "
        "(select bytes from monynha.user_file_usage where user_id = $2)",
        project["id"],
        user.id,
    )
    assert tuple(counted[0]) == (sizes, sizes)


async def test_a_deleted_project_takes_its_files_and_bytes_along(
    user: ApiUser, project: dict[str, Any], owner_sql: OwnerSql
) -> None:
    await upload(user, project, b"x" * 10)

    assert (await user.delete(f"/projects/{project['id']}")).status_code == 204

    usage = await owner_sql("select bytes from monynha.user_file_usage where user_id = $1", user.id)
    objects = await owner_sql("select from storage.objects where name like $1", f"{project['id']}%")
    assert ([row["bytes"] for row in usage], objects) == ([0], [])


async def _begin_upload(user: ApiUser, project: dict[str, Any], name: str, size: int | None) -> httpx.Response:
    pairs = {"bucketName": "project-files", "objectName": f"{project['id']}/{user.id}/{name}"}
    headers = {
        "authorization": f"Bearer {user.token}",
        "tus-resumable": "1.0.0",
        "upload-metadata": ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in pairs.items()),
        **({"upload-defer-length": "1"} if size is None else {"upload-length": str(size)}),
    }
    return await user.client.post("/storage/v1/upload/resumable", headers=headers)


async def _megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(2**20)


async def _write(user: ApiUser, begun: httpx.Response, body: bytes | AsyncIterator[bytes], **headers: str) -> int:
    path = begun.headers["location"].partition("/storage/v1")[2]
    all_headers = {
        "authorization": f"Bearer {user.token}",
        "tus-resumable": "1.0.0",
        "content-type": "application/offset+octet-stream",
        "upload-offset": "0",
        **headers,
    }
    return (await user.client.patch(f"/storage/v1{path}", content=body, headers=all_headers)).status_code


async def test_uploads_that_were_begun_count_towards_the_quota(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    with quotas_of(program, 1000):
        first = await _begin_upload(user, project, "first", 600)
        refused = await _begin_upload(user, project, "second", 600)
        written = await _write(user, first, b"x" * 600)
        third = await _begin_upload(user, project, "third", 400)

    assert (first.status_code, refused.status_code, written, third.status_code) == (201, 413, 204, 201)


async def test_uploads_begun_at_the_same_time_do_not_exceed_a_quota(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    # Begun with room for both, as if neither had seen the other.
    begun = [await _begin_upload(user, project, name, 600) for name in ("first", "second")]
    with quotas_of(program, 1000):
        written = [await _write(user, response, b"x" * 599) for response in begun]

    assert written == [413, 413]


async def test_upload_of_unknown_length_ends_where_the_quota_does(
    user: ApiUser, project: dict[str, Any], program: Application, owner_sql: OwnerSql
) -> None:
    with quotas_of(program, 5_000_000):
        begun = await _begin_upload(user, project, "endless", None)
        written = await _write(user, begun, _megabytes(20))
        further = await _write(user, begun, b"x", **{"upload-offset": "8388608"})
    [row] = await owner_sql(
        "select received_bytes from storage.resumable_uploads where name like $1", f"{project['id']}/%"
    )

    assert (written, further, row["received_bytes"]) == (413, 413, 8_388_608)


async def test_length_that_is_told_at_the_end_counts_once(
    user: ApiUser, project: dict[str, Any], program: Application
) -> None:
    with quotas_of(program, 1000):
        begun = await _begin_upload(user, project, "late", None)
        first = await _write(user, begun, b"x" * 900)
        last = await _write(user, begun, b"", **{"upload-offset": "900", "upload-length": "900"})

    assert (first, last) == (204, 204)

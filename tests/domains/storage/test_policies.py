"""Who may do what with objects of project-files, with those of other buckets, and with buckets: by the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.domains.storage.clients import StorageClient, wire_error
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam, rights_table
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ClientOf = Callable[[ApiUser], StorageClient]

# `own` is below the actor's own id, `other` below that of a member; upload, replace, move and remove are of both.
RIGHTS = rights_table("""
              read list upload upload_other replace_other move_other remove_other sign
viewer        200  1    403    403          403           404        0            200
member        200  1    200    403          403           404        0            200
admin         200  1    200    403          403           404        1            200
owner         200  1    200    403          403           404        1            200
stranger      404  0    403    403          403           404        0            404
removed       404  0    403    403          403           404        0            404
anonymous     404  0    403    403          403           404        0            404
system_admin  200  1    200    200          200           200        1            200
""")


async def _outcome(response: Any) -> int:
    return 200 if response.status_code == 200 else int(response.json()["statusCode"])


@pytest.mark.parametrize(("actor_name", "expected"), RIGHTS, ids=[actor for actor, _ in RIGHTS])
async def test_rights_on_project_files(
    team: ProjectTeam,
    users: UserFactory,
    service: StorageClient,
    storage_client: ClientOf,
    settings: Any,
    actor_name: str,
    expected: dict[str, int],
) -> None:
    from monynha.app.commands.keys import make_key

    author = await team.actor("member")
    actor = await team.actor(actor_name)
    client = storage_client(actor)
    if actor_name == "anonymous":
        client = StorageClient(client.http, make_key("anon", settings.jwt_secret))
    project = team.project["id"]
    folder = f"project-files/{project}/{author.id}"
    for name in ("kept.txt", "moved.txt", "removed.txt"):
        await storage_client(author).put_object(f"{folder}/{name}")

    moved = {
        "bucketId": "project-files",
        "sourceKey": f"{project}/{author.id}/moved.txt",
        "destinationKey": f"{project}/{author.id}/elsewhere.txt",
    }
    removed = await client.request(
        "DELETE", "/object/project-files", json={"prefixes": [f"{project}/{author.id}/removed.txt"]}
    )
    listed = await client.post("/object/list/project-files", {"prefix": f"{project}/{author.id}", "search": "kept"})
    outcome = {
        "read": await _outcome(await client.download(f"{folder}/kept.txt")),
        "list": len(listed.json()),
        "upload": await _outcome(await client.upload(f"project-files/{project}/{actor.id}/new.txt")),
        "upload_other": await _outcome(await client.upload(f"{folder}/new.txt")),
        "replace_other": await _outcome(await client.upload(f"{folder}/kept.txt", method="PUT")),
        "move_other": await _outcome(await client.post("/object/move", moved)),
        "remove_other": len(removed.json()),
        "sign": await _outcome(await client.post(f"/object/sign/{folder}/kept.txt", {"expiresIn": 60})),
    }

    assert outcome == expected


async def test_nobody_writes_into_an_archived_project(team: ProjectTeam, storage_client: ClientOf) -> None:
    client, path = storage_client(team.owner), f"project-files/{team.project['id']}/{team.owner.id}/a.txt"
    await client.put_object(path)
    await team.archive()

    outcomes = [
        wire_error(await client.upload(path, method="PUT")),
        (await client.download(path)).status_code,
        (await client.request("DELETE", "/object/project-files", json={"prefixes": [path.partition("/")[2]]})).json(),
    ]

    assert outcomes == [(400, "403", "AccessDenied"), 200, []]


@pytest.mark.parametrize(
    "name", ["a.txt", "{project}/a.txt", "{project}/{user}", "nobody/{user}/a.txt", "{project}/{user}/"]
)
async def test_path_in_project_files_begins_with_project_and_user(
    team: ProjectTeam, service: StorageClient, name: str
) -> None:
    path = name.format(project=team.project["id"], user=team.owner.id)

    response = await service.upload(f"project-files/{path}")

    assert wire_error(response) == (400, "400", "InvalidKey")


async def test_file_cannot_be_moved_into_a_foreign_project(
    team: ProjectTeam, users: UserFactory, storage_client: ClientOf
) -> None:
    client = storage_client(team.owner)
    other = await (await users.create("Other")).create_project()
    await client.put_object(f"project-files/{team.project['id']}/{team.owner.id}/a.txt")

    response = await client.post(
        "/object/move",
        {
            "bucketId": "project-files",
            "sourceKey": f"{team.project['id']}/{team.owner.id}/a.txt",
            "destinationKey": f"{other['id']}/{team.owner.id}/a.txt",
        },
    )

    assert wire_error(response) == (400, "403", "AccessDenied")


async def test_files_of_a_deleted_project_are_deleted(
    team: ProjectTeam, storage_client: ClientOf, owner_sql: OwnerSql
) -> None:
    answer = await storage_client(team.owner).put_object(f"project-files/{team.project['id']}/{team.owner.id}/a.txt")

    await team.owner.delete(team.path)

    assert await owner_sql("select from storage.objects where id = $1::text::uuid", answer["Id"]) == []


async def test_users_have_no_rights_in_buckets_without_policies(
    bucket: str, service: StorageClient, user: ApiUser, storage_client: ClientOf
) -> None:
    client = storage_client(user)
    await service.put_object(f"{bucket}/a.txt")

    outcomes = [
        wire_error(await client.download(f"{bucket}/a.txt")),
        wire_error(await client.upload(f"{bucket}/b.txt")),
        wire_error(await client.upload(f"{bucket}/a.txt", method="PUT")),
        (await client.post(f"/object/list/{bucket}", {"prefix": ""})).json(),
        (await client.request("DELETE", f"/object/{bucket}", json={"prefixes": ["a.txt"]})).json(),
        wire_error(await client.get(f"/bucket/{bucket}")),
        (await client.get("/bucket")).json(),
        wire_error(await client.post("/bucket", {"name": "mine"})),
        wire_error(await client.request("PUT", f"/bucket/{bucket}", json={"public": True})),
        wire_error(await client.request("DELETE", f"/bucket/{bucket}")),
        wire_error(await client.post(f"/bucket/{bucket}/empty")),
    ]

    no_object, no_bucket, denied = (400, "404", "NoSuchKey"), (400, "404", "NoSuchBucket"), (400, "403", "AccessDenied")
    assert outcomes == [no_object, denied, denied, [], [], no_bucket, [], denied, no_bucket, no_bucket, no_bucket]


async def test_operator_can_give_rights_by_policies_of_their_own(
    bucket: str, service: StorageClient, users: UserFactory, storage_client: ClientOf, owner_sql: OwnerSql
) -> None:
    ada, bob = await users.create("Ada"), await users.create("Bob")
    await owner_sql(
        f"""create policy "custom: everybody uploads" on storage.objects for insert to monynha_app
        with check (bucket_id = '{bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)"""
    )
    try:
        uploaded = await storage_client(ada).upload(f"{bucket}/{ada.id}/a.txt")
        elsewhere = await storage_client(bob).upload(f"{bucket}/{ada.id}/b.txt")
        read = await storage_client(ada).download(f"{bucket}/{ada.id}/a.txt")
    finally:
        await owner_sql('drop policy "custom: everybody uploads" on storage.objects')

    assert uploaded.status_code == 200
    assert wire_error(elsewhere) == (400, "403", "AccessDenied")
    # Who may write need not be able to read.
    assert wire_error(read) == (400, "404", "NoSuchKey")


async def test_public_bucket_makes_reads_public_and_nothing_else(
    service: StorageClient, anonymous: StorageClient, user: ApiUser, storage_client: ClientOf
) -> None:
    bucket = await service.create_bucket(public=True)
    await service.put_object(f"{bucket}/a.txt", b"for all")

    public = await anonymous.get(f"/object/public/{bucket}/a.txt")
    without_token = await anonymous.get(f"/object/{bucket}/a.txt")
    listed = await storage_client(user).post(f"/object/list/{bucket}", {"prefix": ""})
    uploaded = await storage_client(user).upload(f"{bucket}/b.txt")

    assert (public.content, without_token.content) == (b"for all", b"for all")
    assert listed.json() == []
    assert wire_error(uploaded) == (400, "403", "AccessDenied")


async def test_private_bucket_is_not_there_for_the_public(
    bucket: str, service: StorageClient, anonymous: StorageClient, team: ProjectTeam, storage_client: ClientOf
) -> None:
    await service.put_object(f"{bucket}/a.txt")
    path = f"project-files/{team.project['id']}/{team.owner.id}/a.txt"
    await storage_client(team.owner).put_object(path)

    outcomes = [
        wire_error(await anonymous.get(f"/object/public/{bucket}/a.txt")),
        wire_error(await anonymous.get(f"/object/public/{path}")),
        wire_error(await anonymous.get(f"/object/info/public/{path}")),
        wire_error(await anonymous.get(f"/object/{path}")),
    ]

    assert outcomes == [*[(400, "404", "NoSuchBucket")] * 3, (400, "404", "NoSuchKey")]


@pytest.mark.parametrize("bucket_id", ["project-files", "file-originals"])
async def test_buckets_of_project_files_stay_private(service: StorageClient, bucket_id: str) -> None:
    public = await service.request("PUT", f"/bucket/{bucket_id}", json={"public": True})
    deleted = await service.request("DELETE", f"/bucket/{bucket_id}")

    assert (wire_error(public), wire_error(deleted)) == ((403, "403", "AccessDenied"),) * 2
    assert (await service.get(f"/bucket/{bucket_id}")).json()["public"] is False


async def test_system_admins_only_read_objects_of_an_archived_project(
    team: ProjectTeam, users: UserFactory, storage_client: ClientOf, service: StorageClient
) -> None:
    name = f"{team.project['id']}/{team.owner.id}/a.txt"
    await storage_client(team.owner).put_object(f"project-files/{name}")
    await team.archive()

    for client in (service, storage_client(await team.actor("system_admin"))):
        move = {"bucketId": "project-files", "sourceKey": name, "destinationKey": f"{name}.txt"}
        outcomes = [
            (await client.download(f"project-files/{name}")).status_code,
            wire_error(await client.upload(f"project-files/{name}", method="PUT"))[1],
            wire_error(await client.upload(f"project-files/{name}.txt"))[1],
            wire_error(await client.post("/object/move", move))[1],
            (await client.request("DELETE", "/object/project-files", json={"prefixes": [name]})).json(),
        ]

        assert outcomes == [200, "403", "403", "404", []]

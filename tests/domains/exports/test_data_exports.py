"""Exports: how they are written, who is told, and how they end."""

from __future__ import annotations

import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from monynha.app.composition.application import Application
from monynha.core.errors import UnauthenticatedError
from monynha.core.settings.settings import Settings
from monynha.domains.exports.data_exports import DataExports, delete_expired_exports
from monynha.domains.storage.bodies import body_key
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.storage import ObjectMissingError
from tests.domains.exports.conftest import Export, RequestJob, wait_for_export
from tests.domains.files.file_client import upload
from tests.emails import deliver_queued_emails, read_emails
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]
PASSWORD = "correct horse battery"


@pytest.mark.parametrize("name", ["../../evil.sh", "a\\..\\b.txt", "/etc/passwd", "ação é.txt", ".." * 50 + ".txt"])
async def test_a_name_cannot_leave_the_archive(user: ApiUser, export: Export, name: str) -> None:
    project = await user.create_project()
    file = await upload(user, project, b"content", name=name)

    archive = await export(user)

    (path,) = [path for path in archive.namelist() if path.startswith("files/")]
    assert path.startswith(f"files/{file['id']}-")
    assert path.count("/") == 1
    assert "\\" not in path
    assert path.isascii()


async def test_the_user_is_told_by_a_notification_and_by_mail(
    users: UserFactory, program: Application, settings: Settings, tmp_path: Path, request_job: RequestJob
) -> None:
    user = await users.sign_up("Ada", PASSWORD)
    exports, queue = _exports(program), f"email-{uuid4()}"
    exports = DataExports(exports.database, exports.queries, exports.store, exports.clock, queue)
    job = await request_job(user)

    await exports.write(job)

    (notification,) = (await user.get("/notifications")).json()["data"]
    assert (notification["type"], notification["data"]["exportId"]) == ("exported", str(job.payload.export_id))
    await deliver_queued_emails(
        program.database, queue, tmp_path, site_url=settings.site_url, clock=lambda: datetime.now(UTC)
    )
    (mail,) = read_emails(tmp_path, user.email)
    assert mail.subject == "Your data is ready"
    assert "token" not in mail.text
    assert {word for word in mail.text.split() if word.startswith("http")} == {f"{settings.site_url}/"}


async def test_a_job_that_is_done_again_changes_nothing(
    users: UserFactory, program: Application, request_job: RequestJob
) -> None:
    user = await users.create("Ada")
    exports, job = _exports(program), await request_job(user)

    first = await exports.write(job)
    object_before = await exports.find_object(program.database.as_actor(user.actor))
    second = await exports.write(job)
    object_after = await exports.find_object(program.database.as_actor(user.actor))

    assert first is not None
    assert second is None
    assert object_before.version == object_after.version
    assert len((await user.get("/notifications")).json()["data"]) == 1


async def test_a_new_export_replaces_the_last_and_deletes_its_file(
    user: ApiUser, program: Application, request_job: RequestJob
) -> None:
    exports, connection = _exports(program), program.database.as_actor(user.actor)
    await exports.write(await request_job(user))
    former = await exports.find_object(connection)

    await exports.write(await request_job(user))

    latest = await exports.find_object(connection)
    assert latest.version != former.version
    await program.storage.collector.collect()
    with pytest.raises(ObjectMissingError):
        await exports.store.head(body_key(former.version))
    assert (await exports.store.head(body_key(latest.version))).size == latest.size


async def test_an_export_of_a_session_with_two_factors_is_withheld_from_one_without(
    user: ApiUser, users: UserFactory, export: Export
) -> None:
    strong = await users.with_aal2(user)
    project = await strong.create_project(requiresAal2=True)
    await strong.create_task(project, title="Secret plans", assigneeId=str(user.id))

    archive = await export(strong)

    assert b"Secret plans" in archive.read("assigned-tasks.json")
    export_id = (await strong.get("/users/me/export")).json()["data"]["id"]
    for path in ("/users/me/export", "/users/me/export/content"):
        response = await user.get(path)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_AAL")
    object_path = f"/storage/v1/object/authenticated/data-exports/{export_id}.zip"
    statuses = [
        (await user.client.get(object_path, headers={"authorization": f"Bearer {token}"})).status_code
        for token in (user.token, strong.token)
    ]
    assert statuses == [400, 200]


async def test_an_expired_export_is_deleted_with_its_file(user: ApiUser, program: Application, export: Export) -> None:
    await export(user)
    stored = await _exports(program).find_object(program.database.as_actor(user.actor))
    now = datetime.now(UTC)
    assert (await user.get("/users/me/export")).json()["data"]["status"] == "ready"

    await delete_expired_exports(program.database, now + timedelta(days=6, hours=23))
    kept = await user.get("/users/me/export/content")
    await delete_expired_exports(program.database, now + timedelta(days=7, minutes=1))

    assert kept.status_code == 200
    assert (await user.get("/users/me/export")).status_code == 404
    assert (await user.get("/users/me/export/content")).status_code == 404
    await program.storage.collector.collect()
    with pytest.raises(ObjectMissingError):
        await program.storage.store.head(body_key(stored.version))


async def test_a_deleted_user_leaves_no_export(user: ApiUser, program: Application, export: Export) -> None:
    await export(user)
    stored = await _exports(program).find_object(program.database.as_actor(user.actor))

    assert (await user.delete("/users/me")).status_code == 204

    await program.storage.collector.collect()
    with pytest.raises(ObjectMissingError):
        await program.storage.store.head(body_key(stored.version))


async def test_a_banned_user_gets_no_export(
    users: UserFactory, user: ApiUser, program: Application, request_job: RequestJob
) -> None:
    job = await request_job(user)
    await users.ban(user)

    with pytest.raises(UnauthenticatedError):
        await _exports(program).write(job)


async def test_an_export_whose_job_is_dead_has_failed_and_can_be_requested_again(
    user: ApiUser, owner_sql: OwnerSql, export: Export
) -> None:
    await user.post("/users/me/export", None)
    await wait_for_export(user)
    await owner_sql("update monynha.data_exports set finished_at = null, expires_at = null where user_id = $1", user.id)
    await owner_sql(
        "update monynha.jobs j set state = 'dead' from monynha.data_exports e where e.user_id = $1 and j.id = e.job_id",
        user.id,
    )

    assert (await wait_for_export(user))["status"] == "failed"
    assert isinstance(await export(user), zipfile.ZipFile)


def _exports(program: Application) -> DataExports:
    return DataExports.build(program.database, Queries(Compiler()), program.storage)

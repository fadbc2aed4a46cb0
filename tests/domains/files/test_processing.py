"""Images are processed in the background: ready or failed, whatever happens to the workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pyvips

from monynha.app.composition.application import Application
from monynha.domains.files.processing import FileProcessor, thumbnail_key
from monynha.domains.storage.bodies import body_key
from monynha.infra.images import ImageLimits, ImagePool, ImagePoolOptions
from monynha.infra.queue.job import TemporaryJobError
from monynha.infra.storage import ObjectMissingError
from tests.conditions import TIMEOUT_S
from tests.domains.files.file_client import processing_job, send_file, upload, upload_by_wire, wait_until_processed
from tests.infra.images.samples import gif_of_frames, photo, png, png_bomb, write_quadrants
from tests.live_server import OwnerSql, ws_client
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


def _jpeg(width: int, height: int) -> bytes:
    return bytes(photo(width, height).jpegsave_buffer(Q=90))


async def _versions(owner_sql: OwnerSql, file: dict[str, Any]) -> list[str]:
    rows = await owner_sql("select version from storage.objects where id = $1", UUID(file["id"]))
    return [row["version"] for row in rows]


async def test_a_photo_becomes_a_main_picture_with_thumbnails_and_a_placeholder(
    user: ApiUser, project: dict[str, Any]
) -> None:
    uploaded = await upload(user, project, _jpeg(2400, 1200), name="photo.jpg")

    file = await wait_until_processed(user, uploaded["id"])

    assert uploaded["status"] == "processing"
    assert (file["status"], file["width"], file["height"], file["contentType"]) == ("ready", 1920, 960, "image/jpeg")
    assert set(file["placeholder"]) == {"color", "blurHash"}
    content = (await user.get(f"/files/{file['id']}/content")).content
    main = pyvips.Image.new_from_buffer(content, "")
    assert (main.width, main.height, len(content)) == (1920, 960, file["size"])
    sizes = []
    for side in (100, 300, 600):
        response = await user.get(f"/files/{file['id']}/thumbnails/{side}")
        thumbnail = pyvips.Image.new_from_buffer(response.content, "")
        sizes.append((response.headers["content-type"], thumbnail.width, thumbnail.height))
    assert sizes == [("image/webp", 100, 50), ("image/webp", 300, 150), ("image/webp", 600, 300)]


async def test_the_place_where_a_photo_was_taken_is_not_kept(
    user: ApiUser, project: dict[str, Any], tmp_path: Path, program: Application, owner_sql: OwnerSql
) -> None:
    content = write_quadrants(tmp_path / "gps.jpg", orientation=6).read_bytes()
    assert b"SECRET-PLACE" in content
    file = await wait_until_processed(user, (await upload(user, project, content, name="gps.jpg"))["id"])

    [version] = await _versions(owner_sql, file)
    bodies = [await program.storage.store.read(body_key(version))]
    bodies += [await program.storage.store.read(thumbnail_key(version, side)) for side in (100, 300, 600)]
    assert [b"SECRET" in body for body in bodies] == [False] * 4
    assert (file["width"], file["height"]) == (40, 80)


async def test_the_name_of_a_converted_image_is_saved_with_its_new_extension(
    user: ApiUser, project: dict[str, Any]
) -> None:
    file = await wait_until_processed(user, (await upload(user, project, png(30, 20), name="plan.png"))["id"])

    response = await user.get(f"/files/{file['id']}/content")

    assert (file["name"], file["contentType"]) == ("plan.png", "image/jpeg")
    assert 'filename="plan.jpg"' in response.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("bomb.png", png_bomb(30_000, 30_000), "The image has 900 megapixels; at most 100 are processed."),
        ("many.gif", gif_of_frames(10_000), "The image has 10000 frames; at most 500 are processed."),
        ("cut.jpg", _jpeg(400, 300)[:8000], "The image is damaged or too large to decode."),
        ("page.gif", b"GIF89a<script>alert(1)</script>", "The file is not an image that can be read."),
    ],
)
async def test_an_image_that_cannot_be_processed_has_failed_and_says_why(
    user: ApiUser, project: dict[str, Any], name: str, content: bytes, problem: str
) -> None:
    uploaded = await upload(user, project, content, name=name)

    file = await wait_until_processed(user, uploaded["id"])

    assert (file["status"], file["error"], file["size"]) == ("failed", problem, len(content))
    assert (await user.get(f"/files/{file['id']}/content")).content == content
    assert (await user.get(f"/files/{file['id']}/thumbnails/100")).status_code == 404


async def test_members_hear_that_a_file_is_uploaded_processed_and_deleted(address: str, users: UserFactory) -> None:
    team = await create_project_team(users)
    viewer = await team.actor("viewer")
    async with ws_client(address, viewer) as socket:
        await socket.join(dict(team.project))
        file = await upload(team.owner, team.project, png(20, 10), name="a.png")
        created = await socket.receive("file_created")
        updated = await socket.receive("file_updated")
        await team.owner.delete(f"/files/{file['id']}")
        deleted = await socket.receive("file_deleted")

    assert (created["file"]["status"], updated["file"]["status"]) == ("processing", "ready")
    assert (updated["file"]["width"], updated["file"]["placeholder"]["color"]) == (20, "#c81e5a")
    assert deleted["file"]["id"] == file["id"]


async def test_a_former_member_hears_nothing_of_files(address: str, users: UserFactory) -> None:
    team = await create_project_team(users)
    viewer = await team.actor("viewer")
    async with ws_client(address, viewer) as socket:
        await socket.join(dict(team.project))
        await team.owner.delete(f"{team.path}/members/{viewer.id}")
        await socket.receive("member_deleted")
        await socket.receive("removed")
        await upload(team.owner, team.project)

        assert await socket.receives_nothing()


async def test_a_deleted_file_leaves_no_body_and_no_thumbnail(
    user: ApiUser, project: dict[str, Any], program: Application, owner_sql: OwnerSql
) -> None:
    file = await wait_until_processed(user, (await upload(user, project, png(50, 50), name="a.png"))["id"])
    [version] = await _versions(owner_sql, file)
    keys = [body_key(version), *(thumbnail_key(version, side) for side in (100, 300, 600))]
    for key in keys:
        await program.storage.store.head(key)

    assert (await user.delete(f"/files/{file['id']}")).status_code == 204

    for key in keys:
        await _wait_until_missing(program, key)
    assert await _versions(owner_sql, file) == []
    assert (await user.get(f"/files/{file['id']}/content")).status_code == 404


async def test_the_original_of_an_image_is_deleted_once_it_is_processed(
    user: ApiUser, project: dict[str, Any], program: Application, owner_sql: OwnerSql
) -> None:
    uploaded = await upload(user, project, b"text", name="a.txt")
    path = uploaded["path"]
    await upload_by_wire(user, path, png(60, 60), headers={"x-upsert": "true"})
    file = await wait_until_processed(user, uploaded["id"])

    rows = await owner_sql(
        "select count(*) from storage.objects where bucket_id = 'file-originals' and name = $1", file["id"]
    )

    assert rows[0][0] == 0
    stored = [info.key async for info in program.storage.store.list_objects("bodies/")]
    [version] = await _versions(owner_sql, file)
    assert [key for key in stored if key.endswith(version)] == [body_key(version)]


# One attempt after the other, as workers may do them


@pytest.fixture
async def processor(program: Application) -> AsyncIterator[FileProcessor]:
    """Return a processor of the test's own, whose pool may be replaced."""
    pool = ImagePool()
    yield replace(program.files.processor, images=pool)
    await pool.close()


async def _reset(owner_sql: OwnerSql, file: dict[str, Any]) -> None:
    """Let a processed file wait for its processing again."""
    await owner_sql("update public.files set status = 'processing', width = null where id = $1", UUID(file["id"]))


@pytest.fixture
async def image(user: ApiUser, project: dict[str, Any], owner_sql: OwnerSql) -> dict[str, Any]:
    """Return an image that waits for its processing, and for which there is no job."""
    file = await wait_until_processed(user, (await upload(user, project, _jpeg(700, 500), name="a.jpg"))["id"])
    await _reset(owner_sql, file)
    return dict(file)


async def test_a_job_that_runs_twice_changes_nothing_the_second_time(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor, owner_sql: OwnerSql
) -> None:
    first = await processor.process(processing_job(image["id"]))
    versions = await _versions(owner_sql, image)

    second = await processor.process(processing_job(image["id"], attempt=2))

    assert isinstance(first, dict)
    assert (first["status"], second) == ("ready", {"status": "skipped"})
    assert await _versions(owner_sql, image) == versions


async def test_two_workers_at_once_leave_a_file_that_is_ready(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor, program: Application, owner_sql: OwnerSql
) -> None:
    outcomes = await asyncio.gather(
        processor.process(processing_job(image["id"])), processor.process(processing_job(image["id"]))
    )

    assert sorted(str(outcome["status"]) for outcome in outcomes if isinstance(outcome, dict)) == ["ready", "skipped"]
    [version] = await _versions(owner_sql, image)
    assert (
        await program.storage.store.read(body_key(version)) == (await user.get(f"/files/{image['id']}/content")).content
    )


async def test_a_file_that_is_deleted_meanwhile_is_skipped(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor
) -> None:
    await user.delete(f"/files/{image['id']}")

    assert await processor.process(processing_job(image["id"])) == {"status": "skipped"}


async def test_the_processing_of_a_replaced_body_does_not_undo_the_replacement(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor
) -> None:
    processing = asyncio.create_task(processor.process(processing_job(image["id"])))
    await asyncio.sleep(0.1)
    await upload_by_wire(user, image["path"], b"newer", headers={"x-upsert": "true"})

    await processing

    file = (await user.get(f"/files/{image['id']}")).json()["data"]
    assert (await user.get(f"/files/{image['id']}/content")).content == b"newer"
    assert (file["contentType"], file["size"], file["status"]) == ("text/plain", 5, "ready")


async def test_a_process_that_fails_is_tried_again_and_the_third_time_the_file_has_failed(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor
) -> None:
    weak_pool = ImagePool(ImagePoolOptions(ImageLimits(cpu_seconds=0.001)))
    weak = replace(processor, images=weak_pool)
    for attempt in (1, 2):
        with pytest.raises(TemporaryJobError):
            await weak.process(processing_job(image["id"], attempt=attempt))
        assert (await user.get(f"/files/{image['id']}")).json()["data"]["status"] == "processing"

    await weak.process(processing_job(image["id"], attempt=3))

    file = (await user.get(f"/files/{image['id']}")).json()["data"]
    await weak_pool.close()
    assert (file["status"], file["error"]) == ("failed", "Processing the image took too much time or memory.")


async def test_a_job_may_ask_for_thumbnails_alone(
    user: ApiUser, image: dict[str, Any], processor: FileProcessor, owner_sql: OwnerSql
) -> None:
    versions = await _versions(owner_sql, image)

    await processor.process(processing_job(image["id"], operations=("thumbnails",)))

    assert await _versions(owner_sql, image) == versions
    assert (await user.get(f"/files/{image['id']}/thumbnails/300")).status_code == 200


async def test_originals_are_kept_for_admins_where_the_setting_says_so(
    user: ApiUser, users: UserFactory, image: dict[str, Any], processor: FileProcessor, owner_sql: OwnerSql
) -> None:
    before = (await user.get(f"/files/{image['id']}/content")).content
    await replace(processor, keeps_originals=True).process(processing_job(image["id"]))
    admin = await users.create("Admin", is_admin=True)

    path = f"/storage/v1/object/authenticated/file-originals/{image['id']}"
    responses = [await who.client.get(path, headers={"authorization": f"Bearer {who.token}"}) for who in (admin, user)]

    assert (responses[0].status_code, responses[0].content) == (200, before)
    assert responses[1].status_code >= 400
    await user.delete(f"/files/{image['id']}")
    assert await owner_sql("select from storage.objects where name = $1", image["id"]) == []


async def test_a_file_whose_job_is_dead_fails_by_the_sweep_and_others_wait(
    user: ApiUser, image: dict[str, Any], program: Application, owner_sql: OwnerSql
) -> None:
    now = datetime.now(UTC)
    await program.files.processor.fail_abandoned(now - timedelta(hours=1))
    recent = (await user.get(f"/files/{image['id']}")).json()["data"]["status"]
    await owner_sql(
        "insert into monynha.jobs (queue, payload, run_at) values ('file-processing', $1, now() + interval '1 day')",
        f'{{"fileId": "{image["id"]}"}}',
    )
    await program.files.processor.fail_abandoned(now + timedelta(hours=1))
    with_job = (await user.get(f"/files/{image['id']}")).json()["data"]["status"]
    await owner_sql("delete from monynha.jobs where payload ->> 'fileId' = $1", image["id"])

    await program.files.processor.fail_abandoned(now + timedelta(hours=1))

    file = (await user.get(f"/files/{image['id']}")).json()["data"]
    assert (recent, with_job, file["status"]) == ("processing", "processing", "failed")
    assert file["error"] == "The image could not be processed."


async def test_processing_ends_though_the_uploader_has_left(users: UserFactory, owner_sql: OwnerSql) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    file = await upload(member, team.project, _jpeg(400, 300), name="a.jpg")
    await team.owner.delete(f"{team.path}/members/{member.id}")

    processed = await wait_until_processed(team.owner, file["id"])

    assert (processed["status"], processed["width"]) == ("ready", 400)
    assert (await member.get(f"/files/{file['id']}/content")).status_code == 404


async def _wait_until_missing(program: Application, key: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await program.storage.store.head(key)
            except ObjectMissingError:
                return
            await asyncio.sleep(0.02)


async def test_an_image_is_processed_in_a_bucket_that_does_not_take_its_new_type(
    user: ApiUser, project: dict[str, Any], owner_sql: OwnerSql
) -> None:
    change_types = "update storage.buckets set allowed_mime_types = $1 where id = 'project-files'"
    await owner_sql(change_types, ["image/png"])
    try:
        refused = await send_file(user, project, b"plain text")
        file = await upload(user, project, png(20, 10), name="a.png")
        processed = await wait_until_processed(user, file["id"])
    finally:
        await owner_sql(change_types, None)

    assert refused.status_code == 415
    assert (processed["status"], processed["contentType"]) == ("ready", "image/jpeg")

"""Endpoints of exports: one at a time, a few a day, and for oneself alone, by every path to the file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.domains.exports.conftest import Export, wait_for_export
from tests.domains.files.conftest import service_headers
from tests.users import ApiUser, UserFactory

__all__ = ["service_headers"]
pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


async def test_a_request_is_answered_before_the_export_is_written(user: ApiUser) -> None:
    response = await user.post("/users/me/export", None)

    export = response.json()["data"]
    assert response.status_code == 202, response.text
    assert response.headers["location"] == "/api/v1/users/me/export"
    assert set(export) == {"id", "status", "requestedAt", "finishedAt", "expiresAt", "size"}
    assert (export["finishedAt"], export["expiresAt"], export["size"]) == (None, None, None)
    ready = await wait_for_export(user)
    assert (ready["id"], ready["status"]) == (export["id"], "ready")
    assert ready["size"] > 0
    assert ready["expiresAt"] > ready["finishedAt"] > ready["requestedAt"]


async def test_requests_at_once_are_one_export(user: ApiUser, owner_sql: OwnerSql) -> None:
    responses = await asyncio.gather(*(user.post("/users/me/export", None) for _ in range(5)))

    assert {response.status_code for response in responses} == {202}
    rows = await owner_sql("select id from monynha.data_exports where user_id = $1", user.id)
    assert len(rows) == 1
    await wait_for_export(user)


async def test_exports_are_limited_to_a_few_a_day(user: ApiUser) -> None:
    responses = [await user.post("/users/me/export", None) for _ in range(6)]

    assert [response.status_code for response in responses] == [202] * 5 + [429]
    assert responses[-1].json()["error"]["code"] == "RATE_LIMITED"
    assert int(responses[-1].headers["retry-after"]) > 3600
    await wait_for_export(user)


async def test_a_file_is_downloaded_in_parts(user: ApiUser, export: Export) -> None:
    await export(user)

    whole = await user.get("/users/me/export/content")
    part = await user.get("/users/me/export/content", headers={"range": "bytes=0-3"})
    beyond = await user.get("/users/me/export/content", headers={"range": "bytes=99999999-"})

    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"].startswith('attachment; filename="monynha-export-2')
    assert whole.headers["cache-control"] == "no-store"
    assert (part.status_code, part.content) == (206, whole.content[:4])
    assert beyond.status_code == 416


async def test_exports_of_others_are_not_found(users: UserFactory, user: ApiUser, export: Export) -> None:
    await export(user)
    admin = await users.create("Root", is_admin=True)
    export_id = (await user.get("/users/me/export")).json()["data"]["id"]

    for other in (await users.create("Eve"), admin):
        assert (await other.get("/users/me/export")).status_code == 404
        assert (await other.get("/users/me/export/content")).status_code == 404
        for path in (f"/users/{user.id}/export", f"/users/{user.id}/export/content"):
            assert (await other.get(path)).status_code == 404
        assert (await other.post(f"/users/{user.id}/export", None)).status_code == 404
        by_wire = await other.client.get(
            f"/storage/v1/object/authenticated/data-exports/{export_id}.zip",
            headers={"authorization": f"Bearer {other.token}"},
        )
        assert by_wire.status_code in (400, 404), by_wire.text
        listed = await other.client.post(
            "/storage/v1/object/list/data-exports",
            json={"prefix": "", "limit": 100},
            headers={"authorization": f"Bearer {other.token}"},
        )
        assert listed.json() == []
    assert (await user.get(f"/users/{user.id}/export")).status_code == 200


async def test_nobody_writes_into_the_bucket(users: UserFactory, user: ApiUser, export: Export) -> None:
    await export(user)
    export_id = (await user.get("/users/me/export")).json()["data"]["id"]
    for caller in (user, await users.create("Root", is_admin=True)):
        headers = {"authorization": f"Bearer {caller.token}", "x-upsert": "true"}
        for name in (f"{export_id}.zip", "other.zip"):
            response = await user.client.post(
                f"/storage/v1/object/data-exports/{name}", content=b"forged", headers=headers
            )
            assert response.status_code in (400, 403), response.text


async def test_the_file_is_a_private_object_that_its_user_can_sign(user: ApiUser, export: Export) -> None:
    await export(user)
    export_id = (await user.get("/users/me/export")).json()["data"]["id"]
    headers = {"authorization": f"Bearer {user.token}"}

    signed = await user.client.post(
        f"/storage/v1/object/sign/data-exports/{export_id}.zip", json={"expiresIn": 60}, headers=headers
    )
    content = await user.client.get(f"/storage/v1{signed.json()['signedURL']}")
    public = await user.client.get(f"/storage/v1/object/public/data-exports/{export_id}.zip")

    assert content.content == (await user.get("/users/me/export/content")).content
    assert public.status_code in (400, 404)


async def test_without_a_token_there_is_no_export(users: UserFactory, service_headers: dict[str, str]) -> None:
    nobody = users.anonymous()
    for response in (
        await nobody.post("/users/me/export", None),
        await nobody.get("/users/me/export"),
        await nobody.get("/users/me/export/content"),
    ):
        assert response.status_code == 401
    by_key = await nobody.client.post("/api/v1/users/me/export", headers=service_headers)
    assert by_key.status_code == 404


async def test_a_session_that_has_ended_gets_no_export(users: UserFactory, user: ApiUser) -> None:
    await users.end_session(user)

    assert (await user.post("/users/me/export", None)).status_code == 401


async def test_before_a_request_there_is_no_export(user: ApiUser) -> None:
    assert (await user.get("/users/me/export")).status_code == 404
    assert (await user.get("/users/me/export/content")).status_code == 404
    assert (await user.get("/users/me/export?x=1")).status_code == 400

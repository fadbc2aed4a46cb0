"""Fixtures of exports: request one, let the program's own worker write it, and read what is in it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest

from monynha.domains.exports.data_exports import QUEUE, DataExportPayload
from monynha.infra.queue.job import Job, requester_actor
from tests.conditions import TIMEOUT_S
from tests.users import ApiUser

RequestJob = Callable[[ApiUser], Awaitable[Job[DataExportPayload]]]
Export = Callable[[ApiUser], Awaitable[zipfile.ZipFile]]


async def wait_for_export(user: ApiUser) -> dict[str, Any]:
    """Return the export of a user once it is no longer pending."""
    async with asyncio.timeout(3 * TIMEOUT_S):
        while True:
            response = await user.get("/users/me/export")
            assert response.status_code == 200, response.text
            export: dict[str, Any] = response.json()["data"]
            if export["status"] != "pending":
                return export
            await asyncio.sleep(0.05)


@pytest.fixture
def export() -> Export:
    """Return a function that exports the data of a user and returns the archive."""

    async def export_data(user: ApiUser) -> zipfile.ZipFile:
        response = await user.post("/users/me/export", None)
        assert response.status_code == 202, response.text
        assert (await wait_for_export(user))["status"] == "ready"
        content = await user.get("/users/me/export/content")
        assert content.status_code == 200, content.text
        archive = zipfile.ZipFile(io.BytesIO(content.content))
        assert archive.testzip() is None
        return archive

    return export_data


@pytest.fixture
def request_job(owner_sql: Callable[..., Awaitable[list[Any]]]) -> RequestJob:
    """Return a function that requests an export whose job no worker finds, and returns the job."""

    async def request(user: ApiUser) -> Job[DataExportPayload]:
        export_id = uuid4()
        await owner_sql("delete from monynha.data_exports where user_id = $1", user.id)
        await owner_sql(
            "insert into monynha.data_exports (id, user_id, job_id) values ($1, $2, $3)", export_id, user.id, uuid4()
        )
        payload = DataExportPayload(export_id, "aal1")
        return Job(uuid4(), QUEUE, payload, 1, user.id, requester_actor(user.id), lambda percent: None)

    return request


def read_json(archive: zipfile.ZipFile, name: str) -> Any:
    """Return a document of an archive."""
    return orjson.loads(archive.read(name))

"""Uploads of files in tests, by `/api/v1` and by the wire of storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx

from monynha.core.actor import system_actor
from monynha.domains.files.processing import QUEUE, FileProcessingPayload
from monynha.infra.queue.job import Job
from tests.conditions import TIMEOUT_S
from tests.users import ApiUser

_POLL_INTERVAL_S = 0.05


async def send_file(
    user: ApiUser,
    project: Mapping[str, Any],
    content: bytes = b"plain text",
    *,
    name: str = "notes.txt",
    content_type: str = "text/plain",
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Upload a file by `/api/v1`; return the response."""
    files = {"file": (name, content, content_type)}
    path = f"/projects/{project['id']}/files"
    return await user.request("POST", path, files=files, data=dict(fields or {}), headers=headers)


async def upload(user: ApiUser, project: Mapping[str, Any], content: bytes = b"plain text", **options: Any) -> Any:
    """Upload a file by `/api/v1` and return it."""
    response = await send_file(user, project, content, **options)
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def upload_by_wire(
    user: ApiUser,
    path: str,
    content: bytes = b"plain text",
    *,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Upload an object into the bucket of files by `/storage/v1`."""
    return await user.client.post(
        f"/storage/v1/object/project-files/{path}",
        content=content,
        headers={"authorization": f"Bearer {user.token}", "content-type": content_type, **(headers or {})},
    )


def processing_job(
    file_id: str, *, attempt: int = 1, operations: tuple[str, ...] = ("optimize", "thumbnails")
) -> Job[FileProcessingPayload]:
    """Return the job that processes a file."""
    payload = FileProcessingPayload(UUID(file_id), operations)
    return Job(uuid4(), QUEUE, payload, attempt, None, system_actor(QUEUE), lambda percent: None)


async def wait_until_processed(user: ApiUser, file_id: str) -> Any:
    """Return a file once it is ready or failed."""
    # The image process is of low priority: beside other tests on few cores it is given little time.
    async with asyncio.timeout(3 * TIMEOUT_S):
        while True:
            response = await user.get(f"/files/{file_id}")
            assert response.status_code == 200, response.text
            file = response.json()["data"]
            if file["status"] != "processing":
                return file
            await asyncio.sleep(_POLL_INTERVAL_S)


async def list_files(user: ApiUser, project: Mapping[str, Any], query: str = "") -> list[Any]:
    """Return the files of a project."""
    response = await user.get(f"/projects/{project['id']}/files{query}")
    assert response.status_code == 200, response.text
    files: list[Any] = response.json()["data"]
    return files

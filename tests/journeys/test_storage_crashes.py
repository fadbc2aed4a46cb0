"""The program is killed at each step of an upload, of a removal and of a resumable upload: nothing is lost or left."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from monynha.core.settings.settings import Settings
from monynha.domains.storage.bodies import BodyCollector
from monynha.infra.embedded import run_servers, with_jwt_secret
from monynha.infra.postgres.database import Database
from monynha.infra.storage import open_store
from tests.journeys.program import CLI, SERVE, Program, run_program, stop_and_clean_up

BODY = bytes(range(256)) * 8192
CRASHING = (sys.executable, "-m", "tests.journeys.crashing_program")


class Client:
    """A client with the service key."""

    def __init__(self, program: Program) -> None:
        keys = subprocess.run(
            [*CLI, "keys", "--json", "--data-dir", str(program.data_dir)], capture_output=True, check=True
        )
        self.base_url = f"{program.url}/storage/v1"
        self.headers = {"authorization": f"Bearer {json.loads(keys.stdout)['serviceRoleKey']}"}

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """Send a request on a connection of its own."""
        all_headers = {**self.headers, **(headers or {})}
        return httpx.request(method, self.base_url + path, headers=all_headers, timeout=20, **options)

    def upload(self, name: str, body: bytes = BODY) -> httpx.Response:
        headers = {"content-type": "text/plain", "x-upsert": "true"}
        return self.request("POST", f"/object/files/{name}", content=body, headers=headers)

    def download(self, name: str) -> httpx.Response:
        return self.request("GET", f"/object/files/{name}")


def crash(data_dir: Path, step: str, name: str, *, expected: bytes | None) -> None:
    """Start a program that dies at a step of a replacement; before, check what the last crash left of the object."""
    program = Program(data_dir, *CRASHING, step).wait_ready()
    try:
        client = Client(program)
        response = client.download(name)
        assert (response.content if response.status_code == 200 else None) == expected
        with suppress(httpx.HTTPError):
            if step == "before the body is deleted":
                client.request("DELETE", f"/object/files/{name}")
            else:
                client.upload(name, step.encode() + BODY)
        program.process.wait(20)
        assert program.process.returncode < 0
    finally:
        stop_and_clean_up(program)


def stored_bodies(data_dir: Path) -> list[Path]:
    """Return the files of bodies, whole or not."""
    return sorted(path for path in (data_dir / "objects").rglob("*") if path.is_file())


def sweep(data_dir: Path) -> None:
    """Do what the scheduler does each night, a day later."""

    async def run() -> None:
        settings = with_jwt_secret(Settings.read({"MONYNHA_DATA_DIR": str(data_dir)}))
        async with run_servers(settings) as servers:
            database = await Database.open(servers.database_url)
            store = open_store(settings.storage_url)
            await BodyCollector(database, store).sweep(datetime.now(UTC) + timedelta(hours=26))
            await store.close()
            await database.close()

    asyncio.run(run())


def test_killed_program_loses_and_leaves_no_body(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with run_program(data_dir, *SERVE) as program:
        client = Client(program)
        client.request("POST", "/bucket", json={"name": "files"}).raise_for_status()
        client.upload("a", b"first").raise_for_status()

    crash(data_dir, "in the body", "a", expected=b"first")
    crash(data_dir, "before the row", "a", expected=b"first")
    crash(data_dir, "after the row", "a", expected=b"first")
    crash(data_dir, "before the body is deleted", "a", expected=b"after the row" + BODY)
    left_behind = len(stored_bodies(data_dir))
    sweep(data_dir)

    # The half body, the body without a row, the replaced and the removed one.
    assert (left_behind, stored_bodies(data_dir)) == (4, [])


def test_killed_resumable_upload_goes_on(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    tus = {"tus-resumable": "1.0.0"}
    patch = {**tus, "content-type": "application/offset+octet-stream"}
    names = ",".join(f"{key} {b64encode(key.encode()).decode()}" for key in ("bucketName", "objectName"))
    program = Program(data_dir, *CRASHING, "before the row").wait_ready()
    try:
        client = Client(program)
        client.request("POST", "/bucket", json={"name": "bucketName"}).raise_for_status()
        headers = {**tus, "upload-length": str(len(BODY)), "upload-metadata": names}
        created = client.request("POST", "/upload/resumable", headers=headers)
        path = created.headers["location"].partition("/storage/v1")[2]
        half = client.request("PATCH", path, content=BODY[:1_000_000], headers={**patch, "upload-offset": "0"})
        # All bytes are stored when it dies, and the object is not written yet.
        with suppress(httpx.HTTPError):
            client.request("PATCH", path, content=BODY[1_000_000:], headers={**patch, "upload-offset": "1000000"})
        program.process.wait(20)
    finally:
        stop_and_clean_up(program)
    with run_program(data_dir, *SERVE) as restarted:
        client = Client(restarted)
        deadline = datetime.now(UTC) + timedelta(seconds=25)
        while (head := client.request("HEAD", path, headers=tus)).status_code == 423:
            assert datetime.now(UTC) < deadline
            time.sleep(0.2)
        body = client.request("GET", "/object/bucketName/objectName").content

    assert (created.status_code, half.status_code) == (201, 204)
    assert (head.status_code, head.headers["upload-offset"]) == (200, str(len(BODY)))
    assert body == BODY

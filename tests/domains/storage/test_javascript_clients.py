"""The unmodified `@supabase/supabase-js` and `tus-js-client` against the running program."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.domains.storage.clients import StorageClient
from tests.node import NODE, Script, install_packages
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent / "javascript"
PASSWORD = "correct horse battery"


async def run_script(name: str, *arguments: str) -> dict[str, Any]:
    """Run a script to its end; return what it printed, by the names of the values."""
    packages = await asyncio.to_thread(install_packages, HERE)
    process = await asyncio.create_subprocess_exec(
        str(NODE), name, *arguments, cwd=packages, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    script = Script(process)
    try:
        await script.wait_for("done")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return {message["what"]: message["value"] for message in script.messages}


async def test_supabase_js_stores_and_reads_files(users: UserFactory, settings: Settings, address: str) -> None:
    user = await users.sign_up("Ada", PASSWORD)
    project = await user.create_project()
    keys = [make_key(role, settings.jwt_secret) for role in ("anon", "service_role")]

    values = await run_script("storage.mjs", f"http://{address}", *keys, user.email, PASSWORD, project["id"])

    assert values == {
        "bucket": True,
        "info": {"size": 5, "cacheControl": "max-age=3600", "metadata": {"a": 1}, "type": "text/plain"},
        "exists": [True, False],
        "list": ["b.txt"],
        "download": "hello",
        "public": "hello",
        "signed": "attachment; filename=name.txt; filename*=UTF-8''name.txt",
        "removed": 3,
        "project": "of a project",
        "project public": 400,
        "foreign": "new row violates row-level security policy",
        "done": None,
    }


async def test_tus_js_client_uploads_resumes_and_ends(service: StorageClient, bucket: str, address: str) -> None:
    values = await run_script("resumable.mjs", f"http://{address}", service.token, bucket)

    assert (values["ended"], values["refused"]) == (404, 409)
    for name in ("whole", "chunks", "creation", "deferred", "resumed"):
        response = await service.download(f"{bucket}/{name}.txt")
        assert response.content == b"0123456789" * 300_000, name
        assert response.headers["cache-control"] == "max-age=60"

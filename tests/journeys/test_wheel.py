"""The wheel: what it contains is enough to serve, without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.journeys.program import ROOT, run_program


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_wheel_serves_with_its_migrations_policies_and_pages(unpacked: Path, tmp_path: Path) -> None:
    # The folder precedes the checkout that the environment has installed.
    environment = {"PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    module_path = subprocess.run(
        [sys.executable, "-c", "import monynha; print(monynha.__file__)"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with run_program(tmp_path, sys.executable, "-m", "monynha.app.cli", "serve", **environment) as program:
        statuses = {path: program.get(path).status_code for path in ("/", "/docs", "/openapi.json", "/readyz")}
        body = {"name": "Ada", "email": "ada@example.com", "password": "a long secret"}
        signed_up = httpx.post(f"{program.url}/api/v1/users", json=body, timeout=10)
        demo = subprocess.run(
            [sys.executable, "-m", "monynha.app.cli", "demo", "--data-dir", str(tmp_path)],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            check=False,
            timeout=60,
        )

    assert Path(module_path.strip()).is_relative_to(unpacked)
    assert set(statuses.values()) == {200}, statuses
    assert signed_up.status_code == 201
    assert demo.returncode == 0, demo.stderr

"""A typed client, generated from the document, runs the tour of the README."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.journeys.program import ROOT

TOUR = Path(__file__).parent / "generated_client_tour.py"
TOOLS = Path(sys.executable).parent
DOCUMENT = ROOT / "docs" / "generated" / "openapi.json"


@pytest.fixture(scope="module")
def client_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated client."""
    folder = tmp_path_factory.mktemp("generated")
    completed = _run(
        *(str(TOOLS / "openapi-python-client"), "generate", "--path", str(DOCUMENT), "--meta", "none"),
        *("--output-path", str(folder / "monynha_client")),
        folder=folder,
        environ={"PATH": f"{TOOLS}:{os.environ['PATH']}"},
    )

    # The generator lists what it cannot generate, and continues.
    assert completed.stdout.split() == ["Generating", str(folder / "monynha_client")]
    (folder / "monynha_client" / "py.typed").touch()
    return folder


def test_generated_client_completes_the_tour(client_dir: Path, server_url: str) -> None:
    completed = _run(
        sys.executable,
        str(TOUR),
        folder=client_dir,
        environ={"PYTHONPATH": str(client_dir), "URL": server_url},
    )

    expected = {
        "unseen": [True, "NOT_FOUND"],
        "refused": [True, "FORBIDDEN"],
        "tasks": ["Build the start page"],
        "project": {
            "name": "Website relaunch",
            "myRole": "viewer",
            "members": [
                {"role": "viewer", "user": {"name": "Sam"}},
                {"role": "owner", "user": {"name": "Ines"}},
            ],
            "tasks": [{"title": "Build the start page"}],
        },
    }
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout) == expected


def test_tour_satisfies_the_client_types(client_dir: Path) -> None:
    completed = _run(
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", str(TOUR)),
        folder=client_dir,
        environ={"MYPYPATH": str(client_dir)},
    )

    assert completed.returncode == 0, completed.stdout


def _run(*command: str, folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )

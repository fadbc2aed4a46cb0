"""A typed client, generated from the document, says what curl says in the README's tour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.journeys.program import ROOT

TOUR = Path(__file__).parent / "tour_with_client.py"
TOOLS = Path(sys.executable).parent
DOCUMENT = ROOT / "docs" / "generated" / "openapi.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the generated client stands in."""
    folder = tmp_path_factory.mktemp("generated")
    told = _run(
        *(str(TOOLS / "openapi-python-client"), "generate", "--path", str(DOCUMENT), "--meta", "none"),
        *("--output-path", str(folder / "monynha_client")),
        folder=folder,
        environ={"PATH": f"{TOOLS}:{os.environ['PATH']}"},
    )

    # It tells what it left out of the client and goes on; nothing may be left out.
    assert ["Generating", str(folder / "monynha_client")] == told.stdout.split()
    (folder / "monynha_client" / "py.typed").touch()
    return folder


def test_a_generated_client_goes_through_the_tour(client: Path, served: str) -> None:
    told = _run(sys.executable, str(TOUR), folder=client, environ={"PYTHONPATH": str(client), "URL": served})

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
    assert told.returncode == 0, told.stderr
    assert expected == json.loads(told.stdout)


def test_what_is_written_against_the_client_is_held_to_its_types(client: Path) -> None:
    told = _run(
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", str(TOUR)),
        folder=client,
        environ={"MYPYPATH": str(client)},
    )

    assert told.returncode == 0, told.stdout


def _run(*command: str, folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )

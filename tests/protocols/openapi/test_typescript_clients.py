"""Typed TypeScript clients, generated from the document: strict programs compile and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.program import ROOT
from tests.node import NODE, install_packages

SOURCES = Path(__file__).parent / "typescript"
DOCUMENT = ROOT / "docs" / "generated" / "openapi.json"


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder of the installed generators."""
    return install_packages(SOURCES) / "node_modules"


@pytest.fixture
def folder(packages: Path, tmp_path: Path) -> Path:
    """A folder with the programs, in which the packages are found."""
    for source in SOURCES.iterdir():
        if source.suffix in (".ts", ".mjs") or source.name == "tsconfig.json":
            shutil.copy(source, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def test_program_over_openapi_fetch_compiles_and_runs(folder: Path, server_url: str) -> None:
    run(folder, "openapi-typescript/bin/cli.js", str(DOCUMENT), "--output", "schema.ts")

    result = compile_and_run(folder, "openapi_fetch_tour", server_url)

    assert result == {
        "name": "Website",
        "titles": ["Build"],
        "projectNames": ["Website"],
        "status": "done",
        "part": {"name": "Website"},
        "code": "VALIDATION_ERROR",
    }


def test_program_over_orval_compiles_and_runs(folder: Path, server_url: str) -> None:
    environ = {"DOCUMENT": str(DOCUMENT), "OUTPUT": str(folder / "orval.ts"), "URL": server_url}
    run(folder, "orval/dist/bin/orval.js", "--config", "orval.config.mjs", **environ)

    result = compile_and_run(folder, "orval_tour", server_url)

    assert result == {
        "name": "Website",
        "titles": ["Build"],
        "projectNames": ["Website"],
        "status": "done",
        "code": "VALIDATION_ERROR",
        "unseen": 404,
    }


def compile_and_run(folder: Path, program: str, url: str) -> Any:
    """Compile a program with strict types, run it, and return the JSON that it prints."""
    configuration = json.loads((folder / "tsconfig.json").read_text())
    (folder / "tsconfig.json").write_text(json.dumps({**configuration, "files": [f"{program}.ts"]}))
    run(folder, "typescript/bin/tsc", "--project", ".")
    return json.loads(run_node(folder, f"built/{program}.js", environ={"URL": url}))


def run(folder: Path, script: str, *arguments: str, **environ: str) -> str:
    """Run a script of a package."""
    return run_node(folder, f"node_modules/{script}", *arguments, environ=environ)


def run_node(folder: Path, *command: str, environ: Mapping[str, str]) -> str:
    """Run Node.js, and return what it prints."""
    completed = subprocess.run(
        (str(NODE), *command),
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout

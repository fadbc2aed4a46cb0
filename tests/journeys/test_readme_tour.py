"""The tour of the README with curl, run against the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.program import ROOT, SERVE, run_program

_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.S)
_VARYING_VALUES = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")


def tour_steps() -> list[tuple[str, Any]]:
    """Return each step of the tour: the command and the expected response."""
    readme = (ROOT / "README.md").read_text()
    section = readme[readme.index("<!-- tour -->") : readme.index("<!-- end of tour -->")]
    blocks = _BLOCK.findall(section)
    kinds = [kind for kind, _ in blocks]
    assert kinds == ["sh", "json"] * (len(kinds) // 2)
    texts = [text for _, text in blocks]
    return [(typed, json.loads(answer)) for typed, answer in zip(texts[::2], texts[1::2], strict=True)]


def mask_varying_values(value: Any) -> Any:
    """Replace what differs each time: ids by their order of appearance, times by a word."""
    placeholders: dict[str, str] = {}

    def placeholder(match: re.Match[str]) -> str:
        if "T" in match[0]:
            return "<time>"
        return placeholders.setdefault(match[0], f"<id {len(placeholders)}>")

    return json.loads(_VARYING_VALUES.sub(placeholder, json.dumps(value)))


def create_stand_in(folder: Path) -> None:
    """Create a program named curl."""
    folder.mkdir()
    script = Path(__file__).with_name("curl_stand_in.py")
    (folder / "curl").write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    (folder / "curl").chmod(0o755)


@pytest.mark.parametrize(
    "curl",
    [
        pytest.param("curl", marks=pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")),
        "stand-in",
    ],
)
def test_responses_of_the_tour_are_as_in_the_readme(tmp_path: Path, curl: str) -> None:
    steps = tour_steps()
    search_path = os.environ["PATH"]
    if curl == "stand-in":
        create_stand_in(tmp_path / "bin")
        search_path = f"{tmp_path / 'bin'}{os.pathsep}{search_path}"
    with run_program(tmp_path / "data", *SERVE) as program:
        script = "\n".join(f"{typed}\necho\necho --next--" for typed, _ in steps)
        output = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": search_path, "URL": program.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    answers = [json.loads(part) for part in output.split("--next--")[:-1]]

    assert [mask_varying_values(answer) for answer in answers] == [mask_varying_values(answer) for _, answer in steps]

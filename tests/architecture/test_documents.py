"""What can be set, run or questioned is written down, and nothing is written down that is not there."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

from monynha.app.cli import make_app
from monynha.core.settings.settings import Settings
from tests.architecture.sources import ROOT, SOURCE

APP = make_app()
COMMANDS = sorted(name for name in APP if not name.startswith("-"))
SETTINGS = {setting.name: setting for setting in Settings.catalogue().values()}
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
PROSE = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")]


def rows(page: str) -> dict[str, list[str]]:
    """Return the other cells of each row of a table, by what stands in its first one."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row and row[0].startswith("`")}


def test_every_setting_is_documented_and_no_other() -> None:
    told = rows((ROOT / "docs" / "generated" / "settings.md").read_text())

    assert list(SETTINGS) == list(told)
    for name, cells in told.items():
        assert cells[0], f"{name}: what it takes"
        assert cells[-1].endswith("."), f"{name}: what it does"


@pytest.mark.parametrize("path", [*PROSE, *PAGES], ids=lambda path: path.name)
def test_no_page_tells_of_a_setting_or_a_command_that_is_not_there(path: Path) -> None:
    text = path.read_text()
    settings = set(re.findall(r"\bMONYNHA_[A-Z_]+[A-Z]", text))
    commands = set(re.findall(r"`monynha ([a-z][a-z-]*)", text))

    assert settings - SETTINGS.keys() == set()
    assert set() == commands - set(COMMANDS)


def test_no_setting_is_read_past_the_settings() -> None:
    named = {
        name
        for path in (SOURCE / "monynha").rglob("*.py")
        for name in re.findall(r"\bMONYNHA_[A-Z_]+[A-Z]", path.read_text())
    }

    assert named - SETTINGS.keys() == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_words_and_an_example_that_can_be_typed(command: str) -> None:
    told = inspect.getdoc(APP[command].default_command) or ""
    examples = re.findall(r"^Example: monynha (.+)$", told, re.MULTILINE)

    assert told.partition("\n")[0].endswith(".")
    assert [example.split()[0] for example in examples] == [command]
    typed = shlex.split(examples[0].partition(" > ")[0])
    called, bound, _ = APP.parse_args(typed, exit_on_error=False, print_error=False)
    assert APP[command].default_command is called
    assert bound is not None


def test_every_decision_is_listed_by_its_number_and_title() -> None:
    listed = re.findall(r"^(\d+\. )\[(.+)\]\((.+)\)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    written = [(path.read_text().partition("\n")[0], path.name) for path in PAGES]

    assert written == [(f"# {number}{title}", name) for number, title, name in listed]
    for number, (title, name) in enumerate(written, start=1):
        assert title.startswith(f"# {number}. ")
        assert name.startswith(f"{number:04}-")

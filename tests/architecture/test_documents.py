"""Every setting, command and decision is documented, and nothing is documented that does not exist."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from pathlib import Path

import pytest

from monynha.app.cli import make_app
from monynha.core.settings.oauth_providers import family_name
from monynha.core.settings.settings import Settings
from tests.app.command_line import command_names
from tests.architecture.source_tree import ROOT, SOURCE

APP = make_app()
COMMANDS = command_names(APP)
SETTINGS = {setting.name: setting for setting in Settings.documented()}
SETTING_NAME = re.compile(r"\bMONYNHA_(?:[A-Z_]|<NAME>)+[A-Z]")
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
PROSE = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")]
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))


def rows(page: str) -> dict[str, list[str]]:
    """Return the other cells of each row of a Markdown table by its first cell."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row and row[0].startswith("`")}


def test_every_setting_is_documented_and_no_other() -> None:
    documented = rows((ROOT / "docs" / "generated" / "settings.md").read_text())

    assert list(SETTINGS) == list(documented)
    for name, cells in documented.items():
        assert cells[0], f"{name}: accepted values"
        assert cells[-1].endswith("."), f"{name}: description"


@pytest.mark.parametrize("path", [*PROSE, *PAGES, *GUIDES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_setting_or_command_that_does_not_exist(path: Path) -> None:
    text = path.read_text()
    settings = {family_name(name) or name for name in SETTING_NAME.findall(text)}
    commands = set(re.findall(r"`monynha ([a-z][a-z-]*)", text))

    assert settings - SETTINGS.keys() == set()
    assert commands - {command.split()[0] for command in COMMANDS} == set()


def test_no_module_names_a_setting_that_does_not_exist() -> None:
    named = {name for path in (SOURCE / "monynha").rglob("*.py") for name in SETTING_NAME.findall(path.read_text())}

    assert named - SETTINGS.keys() == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_description_and_a_valid_example(command: str) -> None:
    names = command.split()
    function = functools.reduce(lambda app, name: app[name], names, APP).default_command
    help_text = inspect.getdoc(function) or ""
    examples = re.findall(r"^Example: monynha (.+)$", help_text, re.MULTILINE)

    assert help_text.partition("\n")[0].endswith(".")
    assert [example.split()[: len(names)] for example in examples] == [names]
    typed = shlex.split(examples[0].partition(" > ")[0])
    called, bound, _ = APP.parse_args(typed, exit_on_error=False, print_error=False)
    assert called is function
    assert bound is not None


def test_every_decision_is_listed_by_number_and_title() -> None:
    listed = re.findall(r"^(\d+\. )\[(.+)\]\((.+)\)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    written = [(path.read_text().partition("\n")[0], path.name) for path in PAGES]

    assert written == [(f"# {number}{title}", name) for number, title, name in listed]
    for number, (title, name) in enumerate(written, start=1):
        assert title.startswith(f"# {number}. ")
        assert name.startswith(f"{number:04}-")


@pytest.mark.parametrize(
    "path", [*PROSE, ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_file_that_a_page_names_by_its_path_exists(path: Path) -> None:
    names = {
        name for name in re.findall(r"`([\w/]+/[\w/]+\.(?:py|sql|txt))`", path.read_text()) if "labels" not in name
    }
    folders = (ROOT, SOURCE / "monynha", SOURCE / "monynha" / "protocols" / "graphql")

    assert {name for name in names if not any((folder / name).exists() for folder in folders)} == set()
